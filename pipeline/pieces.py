"""What a stream is made of on its way to the caller: pieces of bytes, of upstream's answer or of events made here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import UpstreamError
from pipeline.stream import WholeEvents, fuse

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Reply
    from pipeline.ports import Decoder

Made = tuple[Callable[[], bytes], Callable[[bytes], bytes], Callable[[], bytes]]
"""What makes the first piece, those of what is read on, and the last one."""


class Pieces(Protocol):
    """The caller's bytes, piece by piece; an empty piece is none, None the end."""

    async def first(self) -> bytes: ...

    async def next(self) -> bytes | None: ...

    async def close(self) -> None: ...


class SourcePieces:
    """The pieces of batches of events that are made here."""

    def __init__(self, x: Exchange, batches: AsyncGenerator[list[Chunk], None]) -> None:
        self._batches = batches
        self._through = fuse(x)

    async def first(self) -> bytes:
        return await self.next() or b""

    async def next(self) -> bytes | None:
        chunks = await anext(self._batches, None)
        return None if chunks is None else self._through(chunks)

    async def close(self) -> None:
        await self._batches.aclose()


class AnswerPieces:
    """The pieces of an upstream answer, of which the first batch has been looked at already."""

    __slots__ = ("_failure", "_feed", "_first", "_flush", "_read", "_x")

    def __init__(self, x: Exchange, reply: Reply) -> None:
        assert reply.answer is not None
        assert reply.decode is not None
        assert x.encoder is not None
        self._x = x
        self._read: Callable[[], Awaitable[bytes]] | None = reply.answer.read
        self._failure: UpstreamError | None = None
        passes = reply.judge is not None and x.encoder.transparent and not x.pipes
        self._first, self._feed, self._flush = _passed(x, reply) if passes else _decoded(x, reply.decode, reply.first)

    async def first(self) -> bytes:
        return self._judged(self._first)

    async def next(self) -> bytes | None:
        if self._failure is not None:
            raise self._failure
        if self._read is None:
            return None
        data = await self._read()
        try:
            if data:
                return self._feed(data)
            self._read = None
            return self._flush()
        except UpstreamError as exc:
            return self._before(exc)

    async def close(self) -> None:
        """The stage that opened the answer closes it, when the exchange ends."""

    def _judged(self, make: Callable[[], bytes]) -> bytes:
        try:
            return make()
        except UpstreamError as exc:
            return self._before(exc)

    def _before(self, exc: UpstreamError) -> bytes:
        """Return the piece made of what came in front of an in-band error; the error is the next thing that happens."""
        if not exc.chunks:
            raise exc
        self._failure = exc
        return fuse(self._x)(exc.chunks)


def _passed(x: Exchange, reply: Reply) -> Made:
    assert reply.judge is not None
    whole = WholeEvents(x, reply.judge)
    return lambda: whole.feed(reply.head), whole.feed, whole.flush


def _decoded(x: Exchange, decode: Decoder, first: list[Chunk]) -> Made:
    through = fuse(x)
    return lambda: through(first), lambda data: through(decode(data)), lambda: through(decode(b""))
