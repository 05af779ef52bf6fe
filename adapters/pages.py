"""The paths that are no client protocol: is the process alive, can it serve, what has it counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from pipeline.exchange import Reply, Request

Page = Callable[[Request], Awaitable[Reply]]
Scrape = Callable[[str], Awaitable[tuple[str, bytes]]]
"""Takes the scraper's Accept header; returns content type and figures."""

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


def health(ready: Callable[[], dict[str, object]]) -> dict[str, Page]:
    """Return the health pages by path; they need no key.

    Shape: `ready` returns what `/readyz` shows; its `status` is `ok` or the reason why not (503).
    """

    async def alive(request: Request) -> Reply:
        return Reply(headers=list(_JSON), body=b'{"status":"ok"}')

    async def readiness(request: Request) -> Reply:
        shown = ready()
        return Reply(200 if shown["status"] == "ok" else 503, list(_JSON), orjson.dumps(shown))

    served: dict[str, Page] = {"/readyz": readiness}
    for path in ("/livez", "/health", "/healthz", "/wake", "/keepalive"):
        served[path] = alive
    return served


def metrics(scrape: Scrape, admitted: Callable[[Request], bool]) -> Page:
    """Return the page of figures, for those who are admitted."""

    async def figures(request: Request) -> Reply:
        if not admitted(request):
            body = b"The panel password is wanted, as 'Authorization: Bearer PASSWORD'.\n"
            return Reply(401, [*_TEXT, (b"www-authenticate", b"Bearer")], body)
        content_type, body = await scrape(request.header(b"accept"))
        return Reply(200, [(b"content-type", content_type.encode())], body)

    return figures


class Pages:
    """An ASGI application of nothing but pages, for a listener of their own."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = dict(pages)

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await accept_lifespan(receive, send)
        elif scope["type"] == "http":
            page = self._pages.get(scope["path"])
            request = Request(scope["method"], scope["path"], scope["headers"])
            reply = await page(request) if page else Reply(404, list(_TEXT), b"There is nothing here.\n")
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body or b""})


async def accept_lifespan(receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Tell the server that an application has started and stopped: it has nothing to do for that."""
    message = {"type": ""}
    while message["type"] != "lifespan.shutdown":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
