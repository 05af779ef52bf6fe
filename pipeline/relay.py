"""Brings a reply to the caller: by the cheapest of the three tiers that works, and never lying about its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pipeline.errors import Broken
from pipeline.gaps import Gaps
from pipeline.pieces import AnswerPieces, Pieces, SourcePieces
from pipeline.stream import fuse

if TYPE_CHECKING:
    from pipeline.engine import Edge
    from pipeline.exchange import Exchange, Reply


async def relay(x: Exchange, edge: Edge, line: Line) -> None:
    """Send the exchange's reply. Errors: UpstreamError when the answer breaks off or never says that it is finished."""
    reply = x.reply
    assert reply is not None, "every pipeline has a stage that answers"
    if reply.body is not None:
        await edge.reply(reply.status, reply.headers, reply.body)
    elif x.stream:
        await _relay_stream(x, edge, line, reply)
    else:
        await _relay_document(x, edge, reply)


async def _relay_document(x: Exchange, edge: Edge, reply: Reply) -> None:
    """Send a unary answer: a stream of one chunk, or of several that the encoder gathers."""
    assert x.encoder is not None
    if reply.judge is not None and x.encoder.transparent and not x.pipes:
        for chunk in reply.first:
            x.note(chunk)
        body = reply.head
    else:
        through = fuse(x)
        body = through(reply.first)
        if reply.source is not None:
            async for chunks in reply.source:
                body += through(chunks)
        body += x.encoder.finish()
    x.first_byte = time.monotonic()
    await edge.reply(reply.status, [*x.encoder.headers, *reply.headers], body)


async def _relay_stream(x: Exchange, edge: Edge, line: Line, reply: Reply) -> None:
    assert x.encoder is not None
    pieces: Pieces = SourcePieces(x, reply.source) if reply.source is not None else AnswerPieces(x, reply)
    try:
        if x.commit_early:
            await line.open()
        # What goes wrong before the first piece is still a proper HTTP status, unless the line had to be held.
        first = await pieces.first()
        await line.open()
        await _pour(x, edge, line, first, pieces)
        if not x.complete:
            raise Broken("Upstream ended its answer without a finishReason.", error_type="provider_cut")
        await edge.send(x.encoder.finish())
    finally:
        await pieces.close()
    await line.close()
    await edge.end()


async def _pour(x: Exchange, edge: Edge, line: Line, first: bytes, pieces: Pieces) -> None:
    # PERF: upstream's read ends in the caller's write; no task is woken per event (benchmarks/streaming.py).
    gaps = x.gaps = Gaps()
    write, note, monotonic = edge.write, gaps.note, time.monotonic

    def put(piece: bytes) -> bool:
        if not piece:
            return True
        line.quiet = False
        note(monotonic())
        if not x.first_byte:
            x.first_byte = gaps.first
        return write(piece)

    if not put(first):
        await edge.drained()
    while not await pieces.pour(put):
        await edge.drained()


class Line:
    """The line to the caller of a stream: open once the head is out; it beats while there is nothing to send.

    Why: proxies on the way cut a connection that is silent for a minute.
    PERF: one timer for the whole stream, which looks whether anything was sent since; nothing is armed per event.
    """

    __slots__ = ("_beating", "_edge", "_opening", "_timer", "_x", "quiet")

    def __init__(self, x: Exchange, edge: Edge) -> None:
        self._x = x
        self._edge = edge
        self._opening: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.quiet = True

    def hold(self) -> None:
        """Open the line although there is no answer yet, from now on errors are events."""
        if self._opening is None and not self._edge.opened:
            self._x.commit_early = True
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def open(self) -> None:
        """Send the head, where that has not been done."""
        if self._opening is not None:
            await self._opening
        elif not self._edge.opened:
            await self._open()

    async def close(self) -> None:
        """Fall silent: nothing may go out after the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in (self._opening, self._beating):
            if task is not None and not task.done():
                # What it waits for is a caller that reads, and the end must not wait for one that does not.
                task.cancel()
                await asyncio.wait((task,))

    async def _open(self) -> None:
        x = self._x
        if x.encoder is None:
            x.encoder = x.dialect.encoder(x)
        headers = x.reply.headers if x.reply is not None else []
        await self._edge.open(200, [*x.encoder.headers, *headers])
        if x.commit_early and x.encoder.heartbeat:
            await self._edge.send(x.encoder.heartbeat)
        self._arm()

    def _arm(self) -> None:
        if self._x.heartbeat and self._x.encoder is not None and self._x.encoder.heartbeat:
            self._timer = asyncio.get_running_loop().call_later(self._x.heartbeat, self._beat)

    def _beat(self) -> None:
        assert self._x.encoder is not None
        if self.quiet and (self._beating is None or self._beating.done()):
            beat = self._edge.send(self._x.encoder.heartbeat)
            self._beating = asyncio.get_running_loop().create_task(beat)
        self.quiet = True
        self._arm()
