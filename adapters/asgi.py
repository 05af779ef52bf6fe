"""The edge: a raw ASGI application that turns HTTP into exchanges and exchanges into HTTP."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from adapters.body import CallerGone, Receive, read_body
from adapters.pages import Page
from pipeline import engine
from pipeline.errors import Draining, ProxyError
from pipeline.exchange import Exchange, Headers, Request
from pipeline.plan import Plan
from pipeline.ports import Dialect

Send = Callable[[dict[str, Any]], Awaitable[None]]
ChooseDialect = Callable[[Request], Dialect]
ChoosePlan = Callable[[Exchange], Plan]
Done = Callable[[Exchange, BaseException | None], None]
"""Told of every exchange that has ended: metrics, the access log."""

_TO_SAY_WHY = 5.0
"""Seconds in which exchanges that are ended by a drain tell their callers."""

_VERSION_PREFIXES = re.compile(r"^(?:/v1(?:beta|alpha)?)+(?=/v1(?:beta|alpha)?/)")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Limits(Struct, frozen=True):
    """What a request may cost before anybody is asked.

    Units: bytes and seconds; `heartbeat` is the silence on a stream after which a heartbeat goes out.
    """

    max_body_bytes: int = 64 * 1024 * 1024
    body_timeout: float = 60.0
    heartbeat: float = 15.0


class App:
    """The ASGI application.

    Shape: `pages` maps a path to what answers it; everything else belongs to a client dialect.
    """

    def __init__(
        self,
        choose_dialect: ChooseDialect,
        choose_plan: ChoosePlan,
        done: Done,
        *,
        pages: Mapping[str, Page] | None = None,
        limits: Limits | None = None,
        cors_origins: tuple[str, ...] = (),
    ) -> None:
        self._choose_plan = choose_plan
        self.draining = False
        self._choose_dialect = choose_dialect
        self._done = done
        self._pages = dict(pages or {})
        self._limits = limits or Limits()
        self._cors_origins = cors_origins
        self._active: dict[Exchange, asyncio.Task[Any]] = {}

    def exchanges(self) -> list[Exchange]:
        """Return the exchanges under way."""
        return list(self._active)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._serve(scope, receive, send)
            except CallerGone:
                return
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def drain(self, grace: float) -> None:
        """Let exchanges end for that many seconds, then end those left with a typed error."""
        self.draining = True
        if self._active:
            await asyncio.wait(self._active.values(), timeout=grace)
        left = dict(self._active)
        for x, task in left.items():
            x.stop = Draining()
            task.cancel()
        if left:
            await asyncio.wait(left.values(), timeout=_TO_SAY_WHY)

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.monotonic()
        headers: Headers = scope["headers"]
        request_id = _request_id(headers)
        edge = _Caller(send, _extra_headers(request_id, headers, self._cors_origins))
        request = _request(scope, headers)
        if self._cors_origins and request.method == "OPTIONS":
            await edge.reply(204, [], b"")
            return
        page = self._pages.get(request.path)
        if page is not None:
            reply = await page(request)
            await edge.reply(reply.status, reply.headers, reply.body or b"")
            return
        dialect = self._choose_dialect(request)
        x = Exchange(request_id.decode(), request, dialect, started, heartbeat=self._limits.heartbeat)
        outcome: BaseException | None = None
        try:
            x.request = await self._with_body(request, receive)
            outcome = await self._run(x, edge, receive)
        except ProxyError as exc:
            outcome = exc
            reply = dialect.error(exc)
            await edge.reply(reply.status, reply.headers, reply.body or b"")
        except BaseException as exc:
            outcome = exc
            raise
        finally:
            self._done(x, outcome)

    async def _with_body(self, request: Request, receive: Receive) -> Request:
        limits = self._limits
        encoding = request.header(b"content-encoding")
        body = await read_body(receive, encoding, limits.max_body_bytes, limits.body_timeout)
        return Request(request.method, request.path, request.headers, body, request.query_string, request.client)

    async def _run(self, x: Exchange, edge: _Caller, receive: Receive) -> BaseException | None:
        task = asyncio.current_task()
        assert task is not None
        self._active[x] = task
        watcher = asyncio.get_running_loop().create_task(_watch(receive, task))
        try:
            if self.draining:
                x.stop = Draining()
                raise x.stop
            return await engine.run(self._choose_plan(x), x, edge)
        except asyncio.CancelledError as exc:
            if watcher.done() and not watcher.cancelled():
                # The caller has left: the exchange is wound up, the server need not know of the cancellation.
                task.uncancel()
                return exc
            raise
        finally:
            watcher.cancel()
            del self._active[x]


class _Caller:
    """The caller's side of one exchange, in ASGI messages; `pipeline.engine.Edge`."""

    __slots__ = ("_extra", "_send", "opened")

    def __init__(self, send: Send, extra: Headers) -> None:
        self._send = send
        self._extra = extra
        self.opened = False

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        length = (b"content-length", b"%d" % len(body))
        head = [*headers, *self._extra, length]
        self.opened = True
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def open(self, status: int, headers: Headers) -> None:
        self.opened = True
        head = [*headers, *self._extra]
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})


async def _watch(receive: Receive, task: asyncio.Task[Any]) -> None:
    """Cancel the exchange when the caller leaves; hypercorn's `send` never raises, so nothing else would tell."""
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _request(scope: dict[str, Any], headers: Headers) -> Request:
    path: str = scope["path"]
    if path.count("/v1") > 1:
        # Clients append their version to a base URL that already ends in one.
        path = _VERSION_PREFIXES.sub("", path)
    client = scope.get("client")
    return Request(scope["method"], path, headers, b"", scope["query_string"], client[0] if client else "")


def _request_id(headers: Headers) -> bytes:
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return secrets.token_hex(8).encode()


def _extra_headers(request_id: bytes, headers: Headers, cors_origins: tuple[str, ...]) -> Headers:
    # The anthropic libraries look for the second spelling.
    extra = [(b"x-request-id", request_id), (b"request-id", request_id)]
    if cors_origins:
        extra += _cors_headers(headers, cors_origins)
    return extra


def _cors_headers(headers: Headers, allowed: tuple[str, ...]) -> Headers:
    origin = next((value for name, value in headers if name == b"origin"), b"")
    if not origin or (origin.decode("latin-1") not in allowed and "*" not in allowed):
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", b"*, authorization"),
        (b"access-control-expose-headers", b"x-request-id, retry-after"),
        (b"vary", b"origin"),
    ]
