"""The caller's side of one exchange: what goes back, and whether anybody takes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from adapters.body import Receive
    from pipeline.exchange import Exchange, Headers
    from pipeline.trace import Trace

Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE = 256 * 1024
"""Bytes of a document that go out at once: so a caller that reads slowly is told from one that does not read."""

_NO_TOKEN = re.compile(r"[^\w.-]", re.ASCII)
"""What the name of a stage may have and a metric's name in Server-Timing may not."""


class Outlet(Protocol):
    """Where the bytes of an answer go, and whence one hears that nobody takes them any more."""

    def start(self, status: int, headers: Headers) -> None:
        """Say how the answer begins; it leaves with the first piece."""

    def write(self, data: bytes) -> bool:
        """Send a piece, none to send just the head; False when `drained` is to be awaited before the next one."""

    def finish(self, data: bytes = b"") -> None:
        """Send the last piece."""

    async def drained(self) -> None:
        """Wait until what was sent has been taken."""

    def tell(self, left: Callable[[], None] | None) -> None:
        """Call this when the caller leaves, at once where that has happened; None to be told no more."""


class AsgiOutlet:
    """The outlet of a server that knows nothing but ASGI: its `send` has to be awaited, and `receive` watched."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._messages: list[dict[str, Any]] = []
        self._watcher: asyncio.Task[None] | None = None

    def start(self, status: int, headers: Headers) -> None:
        self._messages.append({"type": "http.response.start", "status": status, "headers": headers})

    def write(self, data: bytes) -> bool:
        if data:
            self._messages.append({"type": "http.response.body", "body": data, "more_body": True})
        return False

    def finish(self, data: bytes = b"") -> None:
        self._messages.append({"type": "http.response.body", "body": data})

    async def drained(self) -> None:
        messages, self._messages = self._messages, []
        for message in messages:
            await self._send(message)

    def tell(self, left: Callable[[], None] | None) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        if left is not None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch(left))

    async def _watch(self, left: Callable[[], None]) -> None:
        """Wait for the caller to leave; hypercorn's `send` never raises, so nothing else would tell."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        left()


class Caller:
    """The caller's side of one exchange; `pipeline.engine.Edge`.

    Shape: `left` is set where the caller has left or is given up; `task` is what serves it.
    PERF: two numbers per wait, and one timer for all callers, tell who does not read (benchmarks/streaming.py).
    """

    __slots__ = ("_began", "_ended", "_extra", "_outlet", "_seen", "_since", "left", "opened", "task", "write")

    task: asyncio.Task[Any]

    def __init__(self, outlet: Outlet, extra: Headers) -> None:
        self._outlet = outlet
        self._extra = extra
        self._began = self._ended = 0
        self._seen, self._since = -1, 0.0
        self.opened = self.left = False
        self.write = outlet.write

    def stalled(self, now: float) -> float:
        """Return for how many seconds this caller has taken nothing of what waits for it, as far as looks can tell."""
        if self._began == self._ended or self._ended != self._seen:
            self._seen, self._since = self._ended, now
        return now - self._since

    def leave(self) -> None:
        """End what is done for this caller: it has left, or is given up; once, lest the winding up is cut short too."""
        if not self.left:
            self.left = True
            self.task.cancel()

    def watch(self, task: asyncio.Task[Any]) -> None:
        """From now on the caller's leaving ends this task."""
        self.task = task
        self._outlet.tell(self.leave)

    def unwatch(self) -> None:
        """Its leaving ends nothing any more."""
        self._outlet.tell(None)

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        self._outlet.start(status, [*headers, *self._extra, (b"content-length", b"%d" % len(body))])
        self.opened = True
        if len(body) > PIECE:
            body = await self._send_all_but_the_last(body)
        self._outlet.finish(body)
        await self.drained()

    async def open(self, status: int, headers: Headers) -> None:
        self._outlet.start(status, [*headers, *self._extra])
        self.opened = True
        await self.send(b"")

    async def send(self, data: bytes) -> None:
        if not self.write(data):
            await self.drained()

    async def drained(self) -> None:
        self._began += 1
        await self._outlet.drained()
        self._ended += 1

    async def end(self) -> None:
        self._outlet.finish()
        await self.drained()

    def timed(self, x: Exchange) -> TimedCaller:
        """Return this caller as one that is told what each stage has taken."""
        return TimedCaller(self._outlet, self._extra, x)

    async def _send_all_but_the_last(self, body: bytes) -> bytes:
        rest = memoryview(body)
        while len(rest) > PIECE:
            await self.send(bytes(rest[:PIECE]))
            rest = rest[PIECE:]
        return bytes(rest)


class TimedCaller(Caller):
    """A caller that is told in the head of its answer what each stage has taken by then."""

    __slots__ = ("_x",)

    def __init__(self, outlet: Outlet, extra: Headers, x: Exchange) -> None:
        super().__init__(outlet, extra)
        self._x = x

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        await super().reply(status, [*headers, *self._timing()], body)

    async def open(self, status: int, headers: Headers) -> None:
        await super().open(status, [*headers, *self._timing()])

    def _timing(self) -> Headers:
        # Whoever has no key learns nothing, least of all how long it took to find that out.
        if self._x.trace is None or self._x.caller is None:
            return []
        return [(b"server-timing", _server_timing(self._x.trace))]


def _server_timing(trace: Trace) -> bytes:
    """Source: https://www.w3.org/TR/server-timing/#the-server-timing-header-field."""
    now = trace.now()
    spans = ((span.stage, now - span.start_ms if span.ms is None else span.ms) for span in trace.spans)
    parts = [f"{_NO_TOKEN.sub('-', stage)};dur={ms:.2f}" for stage, ms in (*spans, ("total", now))]
    return ", ".join(parts).encode()
