"""The caller's side of one exchange: what goes back, and whether anybody takes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.exchange import Exchange, Headers
    from pipeline.trace import Trace

Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE = 256 * 1024
"""Bytes of a document that go out at once: so a caller that reads slowly is told from one that does not read."""

_NO_TOKEN = re.compile(r"[^\w.-]", re.ASCII)
"""What the name of a stage may have and a metric's name in Server-Timing may not."""


class Caller:
    """The caller's side of one exchange, in ASGI messages; `pipeline.engine.Edge`.

    Shape: `left` is set where the caller is given up; `task` is what serves it.
    PERF: two numbers per piece, and one timer for all callers, tell who does not read (benchmarks/streaming.py).
    """

    __slots__ = ("_began", "_ended", "_extra", "_seen", "_send", "_since", "left", "opened", "task")

    task: asyncio.Task[Any]

    def __init__(self, send: Send, extra: Headers) -> None:
        self._send = send
        self._extra = extra
        self._began = self._ended = 0
        self._seen, self._since = -1, 0.0
        self.opened = self.left = False

    def stalled(self, now: float) -> float:
        """Return for how many seconds this caller has taken nothing of what waits for it, as far as looks can tell."""
        if self._began == self._ended or self._ended != self._seen:
            self._seen, self._since = self._ended, now
        return now - self._since

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        length = (b"content-length", b"%d" % len(body))
        head = [*headers, *self._extra, length]
        self.opened = True
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        if len(body) > PIECE:
            body = await self._send_all_but_the_last(body)
        self._began += 1
        await self._send({"type": "http.response.body", "body": body})
        self._ended += 1

    async def open(self, status: int, headers: Headers) -> None:
        self.opened = True
        head = [*headers, *self._extra]
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def send(self, data: bytes) -> None:
        self._began += 1
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._ended += 1

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    def timed(self, x: Exchange) -> TimedCaller:
        """Return this caller as one that is told what each stage has taken."""
        return TimedCaller(self._send, self._extra, x)

    async def _send_all_but_the_last(self, body: bytes) -> bytes:
        rest = memoryview(body)
        while len(rest) > PIECE:
            await self.send(bytes(rest[:PIECE]))
            rest = rest[PIECE:]
        return bytes(rest)


class TimedCaller(Caller):
    """A caller that is told in the head of its answer what each stage has taken by then."""

    __slots__ = ("_x",)

    def __init__(self, send: Send, extra: Headers, x: Exchange) -> None:
        super().__init__(send, extra)
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
