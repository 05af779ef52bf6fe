"""Brings a reply to the caller: by the cheapest of the three tiers that works, and never lying about its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from pipeline.errors import Broken, UpstreamError
from pipeline.stream import WholeEvents, fuse

if TYPE_CHECKING:
    from pipeline.engine import Edge
    from pipeline.exchange import Chunk, Exchange, Reply
    from pipeline.ports import Decoder


async def relay(x: Exchange, edge: Edge) -> None:
    """Send the exchange's reply. Errors: UpstreamError when the answer breaks off or never says that it is finished."""
    reply = x.reply
    assert reply is not None, "every pipeline has a stage that answers"
    if reply.body is not None:
        await edge.reply(reply.status, reply.headers, reply.body)
    elif x.stream:
        await _relay_stream(x, edge, reply)
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


async def _relay_stream(x: Exchange, edge: Edge, reply: Reply) -> None:
    assert x.encoder is not None
    async with AsyncExitStack() as stack:
        if reply.source is not None:
            stack.push_async_callback(reply.source.aclose)
            pieces = _of_source(x, reply.source)
        else:
            pieces = _of_answer(x, reply)
        stack.push_async_callback(pieces.aclose)
        # What goes wrong before the first piece is still a proper HTTP status.
        first = b"" if x.commit_early else await anext(pieces, b"")
        await edge.open(reply.status, [*x.encoder.headers, *reply.headers])
        heart = stack.enter_context(_Heart(x, edge))
        await heart.send(first)
        async for piece in pieces:
            await heart.send(piece)
        if not x.complete:
            raise Broken("Upstream ended its answer without a finishReason.", error_type="provider_cut")
        await heart.send(x.encoder.finish())
    await edge.end()


async def _of_source(x: Exchange, batches: AsyncGenerator[list[Chunk], None]) -> AsyncGenerator[bytes, None]:
    through = fuse(x)
    async for chunks in batches:
        yield through(chunks)


async def _of_answer(x: Exchange, reply: Reply) -> AsyncGenerator[bytes, None]:
    answer, decode = reply.answer, reply.decode
    assert answer is not None
    assert decode is not None
    assert x.encoder is not None
    feed: Callable[[bytes], bytes]
    if reply.judge is not None and x.encoder.transparent and not x.pipes:
        whole = WholeEvents(x, reply.judge)
        feed, last = whole.feed, whole.flush
        first = feed(reply.head)
    else:
        through = fuse(x)
        feed, last = _feed(through, decode), _last(through, decode)
        first = through(reply.first)
    try:
        yield first
        while data := await answer.read():
            yield feed(data)
        yield last()
    except UpstreamError as exc:
        if exc.chunks:
            yield fuse(x)(exc.chunks)
        raise


def _feed(through: Callable[[list[Chunk]], bytes], decode: Decoder) -> Callable[[bytes], bytes]:
    return lambda data: through(decode(data))


def _last(through: Callable[[list[Chunk]], bytes], decode: Decoder) -> Callable[[], bytes]:
    return lambda: through(decode(b""))


class _Heart:
    """Sends through the edge, and beats while there is nothing to send, so that no proxy between cuts the line.

    PERF: one timer for the whole stream, which looks whether anything was sent since; nothing is armed per event.
    """

    __slots__ = ("_beat", "_busy", "_edge", "_interval", "_quiet", "_task", "_timer", "_x")

    def __init__(self, x: Exchange, edge: Edge) -> None:
        self._x = x
        self._edge = edge
        self._interval = x.heartbeat
        self._beat = x.encoder.heartbeat if x.encoder else b""
        self._quiet = True
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> _Heart:
        if self._x.commit_early and self._beat:
            self._tick()
        else:
            self._arm()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer; an empty one is no piece."""
        if not data:
            return
        if not self._x.first_byte:
            self._x.first_byte = time.monotonic()
        self._quiet = False
        self._busy = True
        if self._task is not None:
            await self._task
            self._task = None
        await self._edge.send(data)
        self._busy = False

    def _arm(self) -> None:
        if self._interval and self._beat:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._tick)

    def _tick(self) -> None:
        if self._quiet and not self._busy:
            self._task = asyncio.get_running_loop().create_task(self._edge.send(self._beat))
        self._quiet = True
        self._arm()
