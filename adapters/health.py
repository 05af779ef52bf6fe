"""The pages that need no key: is the process alive, and can it serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from pipeline.exchange import Reply, Request

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

Page = Callable[[Request], Awaitable[Reply]]


def pages(ready: Callable[[], dict[str, object]]) -> dict[str, Page]:
    """Return the health pages by path.

    Shape: `ready` returns what `/readyz` shows; its `status` is `ok` or the reason why not (503).
    """

    async def alive(request: Request) -> Reply:
        return Reply(headers=list(_JSON), body=b'{"status":"ok"}')

    async def readiness(request: Request) -> Reply:
        shown = ready()
        return Reply(200 if shown["status"] == "ok" else 503, list(_JSON), orjson.dumps(shown))

    return {
        "/livez": alive,
        "/health": alive,
        "/healthz": alive,
        "/wake": alive,
        "/keepalive": alive,
        "/readyz": readiness,
    }
