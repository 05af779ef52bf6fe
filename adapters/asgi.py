"""The edge: a raw ASGI application that turns HTTP into exchanges and exchanges into HTTP."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from adapters.body import CallerGone, Receive, read_body
from adapters.caller import AsgiOutlet, Caller, Send
from adapters.memory import MemoryGuard
from adapters.outcome import error_type_of, status_of
from adapters.pages import Page, accept_lifespan
from adapters.serving.turn import TURN
from pipeline import engine
from pipeline.errors import CallerTimeout, Draining, InternalError, ProxyError
from pipeline.exchange import Exchange, Headers, Request
from pipeline.plan import Plan
from pipeline.ports import Dialect
from pipeline.trace import Traces

ChooseDialect = Callable[[Request], Dialect]
ChoosePlan = Callable[[Exchange], Plan]
Done = Callable[[Exchange, BaseException | None], None]
"""Told of every exchange that has ended: metrics, the access log."""

Admin = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
"""An ASGI application for every path that is no page and no client protocol's, WebSockets included."""

_CLIENTS = "/v1"
"""What the paths of all client protocols begin with."""

REQUEST_ID = "pollux.request_id"
"""Where the admin application finds a request's id in its scope."""

_TO_SAY_WHY = 5.0
"""Seconds in which exchanges that are ended by a drain tell their callers."""

_STRAGGLERS = 0.1
"""Seconds in which callers that were here before a drain may still ask: until their connections are closed."""

_SWEEP = 1.0
"""Seconds between two looks at the bodies that are still being read, and at callers that do not read."""

_TIMING = b"x-server-timing"
_WISHES = frozenset({_TIMING, b"x-pollux-trace"})
"""The headers by which a caller asks for a trace of its request; the first also for a Server-Timing header."""

_ANTHROPIC = "/v1/messages"
"""Where callers look for the request's id under another name."""

_SLASHES = re.compile(r"/{2,}")
_VERSION_PREFIXES = re.compile(r"^(?:/v1(?:beta|alpha)?)+(?=/v1(?:beta|alpha)?/)")
# PERF: random bytes for each request cost a system call; a random process and a number name it as well.
_PROCESS = secrets.token_hex(6).encode()
_numbers = itertools.count(0x1000)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Limits(Struct, frozen=True):
    """What a request may cost before anybody is asked.

    Shape: `server_timing` tells every caller what each stage took.
    Units: bytes and seconds; `heartbeat` is the silence on a stream after which a heartbeat goes out, `send_timeout`
        how long a caller may not read what is sent to it (0 is for ever).
    """

    max_body_bytes: int = 64 * 1024 * 1024
    body_timeout: float = 60.0
    send_timeout: float = 60.0
    heartbeat: float = 15.0
    server_timing: bool = False


class App:
    """The ASGI application.

    Shape: `pages` maps a path to what answers it; of the others those that begin with `/v1` belong to a client
        dialect, and the rest to `admin`, where there is one.
    """

    def __init__(
        self,
        choose_dialect: ChooseDialect,
        choose_plan: ChoosePlan,
        done: Done,
        *,
        pages: Mapping[str, Page] | None = None,
        memory: MemoryGuard | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.admin: Admin | None = None
        self._memory = memory or MemoryGuard(0)
        self._traces = traces or Traces()
        self._choose_plan = choose_plan
        self.draining = self._closed = False
        self._choose_dialect = choose_dialect
        self._done = done
        self._pages = dict(pages or {})
        self._limits = Limits()
        self._cors_origins: tuple[str, ...] = ()
        self._active: dict[Exchange, Caller] = {}
        self._reading: dict[Exchange, asyncio.Task[Any]] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def limit(self, limits: Limits, cors_origins: tuple[str, ...]) -> None:
        """Hold requests that come from now on to these limits."""
        self._limits, self._cors_origins = limits, cors_origins

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
            await accept_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await (self.admin or _refuse_socket)(scope, receive, send)

    async def drain(self, grace: float) -> None:
        """Let exchanges end for that many seconds, then end those left with a typed error.

        Shape: who was here before, and asks while the listener is being closed, is answered yet.
        """
        self.draining = True
        until = time.monotonic() + grace
        await asyncio.sleep(min(_STRAGGLERS, grace))
        while (under_way := self._under_way()) and (left := until - time.monotonic()) > 0:
            await asyncio.wait(under_way.values(), timeout=left)
        self._closed = True
        left_over = self._under_way()
        for x, task in left_over.items():
            x.stop = Draining()
            task.cancel()
        if left_over:
            await asyncio.wait(left_over.values(), timeout=_TO_SAY_WHY)

    def _under_way(self) -> dict[Exchange, asyncio.Task[Any]]:
        return {**self._reading, **{x: caller.task for x, caller in self._active.items()}}

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.monotonic()
        headers: Headers = scope["headers"]
        request_id, wish = _look_at(headers)
        request = _request(scope, headers)
        page = self._pages.get(request.path)
        if page is None and self.admin is not None and not request.path.startswith(_CLIENTS):
            await self.admin({**scope, REQUEST_ID: request_id}, receive, send)
            return
        outlet = scope.get("extensions", {}).get(TURN) or AsgiOutlet(receive, send)
        edge = Caller(outlet, self._extra_headers(request_id, request))
        if self._cors_origins and request.method == "OPTIONS":
            await edge.reply(204, [], b"")
            return
        if page is not None:
            reply = await page(request)
            await edge.reply(reply.status, reply.headers, reply.body or b"")
            return
        dialect = self._choose_dialect(request)
        x = Exchange(request_id.decode(), request, dialect, started, heartbeat=self._limits.heartbeat)
        outcome: BaseException | None = InternalError()  # what only a defect leaves standing
        try:
            self._memory.admit(len(self._active) + len(self._reading))
            await self._read(x, receive)
            if wish or self._traces.on:
                edge = self._watched(x, edge, wish)
            outcome = await self._run(x, edge)
        except ProxyError as exc:
            outcome = exc
            reply = dialect.error(exc)
            await edge.reply(reply.status, reply.headers, reply.body or b"")
        except (CallerGone, asyncio.CancelledError) as exc:
            outcome = exc
            raise
        finally:
            self._done(x, outcome)
            x.release()

    async def _read(self, x: Exchange, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._reading[x] = task
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)
        try:
            encoding = x.request.header(b"content-encoding")
            x.request.body = await read_body(receive, encoding, self._limits.max_body_bytes)
        except asyncio.CancelledError:
            if x.stop is None:
                raise
            task.uncancel()
            raise x.stop from None
        finally:
            del self._reading[x]

    def _sweep(self) -> None:
        """Refuse requests whose body takes too long, and leave callers that read nothing of their answer.

        PERF: one timer for all of them: one each costs more than everything else that is done to read a body.
        """
        now = time.monotonic()
        for x, task in self._reading.items():
            if x.started < now - self._limits.body_timeout and x.stop is None:
                x.stop = CallerTimeout()
                task.cancel()
        for caller in self._active.values():
            if caller.stalled(now) > self._limits.send_timeout > 0:
                caller.leave()
        busy = self._reading or self._active
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep) if busy else None

    def _watched(self, x: Exchange, edge: Caller, wish: bytes) -> Caller:
        """Trace a request from here on; return the edge that says so to its caller, where that is asked for."""
        x.trace = self._traces.begin(x)

        async def ended(outcome: BaseException | None) -> None:
            self._traces.end(x, status_of(x, outcome), error_type_of(outcome))

        x.closers.append(ended)
        return edge.timed(x) if wish == _TIMING or self._limits.server_timing else edge

    async def _run(self, x: Exchange, edge: Caller) -> BaseException | None:
        task = asyncio.current_task()
        assert task is not None
        self._active[x] = edge
        edge.watch(task)
        try:
            if self._closed:
                x.stop = Draining()
                raise x.stop
            return await engine.run(self._choose_plan(x), x, edge)
        except asyncio.CancelledError as exc:
            if edge.left:
                # The caller has left: the exchange is wound up, the server need not know of the cancellation.
                task.uncancel()
                return exc
            raise
        finally:
            edge.unwatch()
            del self._active[x]

    def _extra_headers(self, request_id: bytes, request: Request) -> Headers:
        extra = [(b"x-request-id", request_id)]
        if request.path.startswith(_ANTHROPIC):
            extra.append((b"request-id", request_id))
        if self._cors_origins:
            extra += _cors_headers(request.headers, self._cors_origins)
        return extra


async def _refuse_socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 1000})


def _request(scope: dict[str, Any], headers: Headers) -> Request:
    path: str = scope["path"]
    if "//" in path:
        # Clients append a path to a base URL that already ends in a slash.
        path = _SLASHES.sub("/", path)
    if path.count("/v1") > 1:
        # Clients append their version to a base URL that already ends in one.
        path = _VERSION_PREFIXES.sub("", path)
    client = scope.get("client")
    return Request(scope["method"], path, headers, b"", scope["query_string"], client[0] if client else "")


def _look_at(headers: Headers) -> tuple[bytes, bytes]:
    """Return the request's id, and the header by which its caller wishes a trace."""
    request_id, wish = b"", b""
    for name, value in headers:
        if name == b"x-request-id":
            request_id = value if _REQUEST_ID.fullmatch(value) else b""
        elif name in _WISHES and value != b"0":
            wish = max(wish, name)
    return request_id or b"%s%x" % (_PROCESS, next(_numbers)), wish


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
