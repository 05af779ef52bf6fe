"""What a stream is made of on its way to the caller: pieces of bytes, of upstream's answer or of events made here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import UpstreamError
from pipeline.stream import WholeEvents, fuse

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Reply
    from pipeline.ports import Answer, Decoder, Take

Made = tuple[Callable[[], bytes], Callable[[bytes], bytes], Callable[[], bytes], Callable[[], None]]
"""What makes the first piece, those of what is read on, and the last one; and what settles whatever came by then."""


class Pieces(Protocol):
    """The caller's bytes, piece by piece; an empty piece is none."""

    async def first(self) -> bytes: ...

    async def pour(self, put: Take) -> bool:
        """Hand on what follows until the end, then return True; False when `put` wants no more for now."""

    async def close(self) -> None: ...


class SourcePieces:
    """The pieces of batches of events that are made here."""

    def __init__(self, x: Exchange, batches: AsyncGenerator[list[Chunk], None]) -> None:
        self._batches = batches
        self._through = fuse(x)

    async def first(self) -> bytes:
        return self._through(await anext(self._batches, []))

    async def pour(self, put: Take) -> bool:
        while (chunks := await anext(self._batches, None)) is not None:
            if not put(self._through(chunks)):
                return False
        return True

    async def close(self) -> None:
        await self._batches.aclose()


class AnswerPieces:
    """The pieces of an upstream answer, of which the first batch has been looked at already."""

    __slots__ = ("_answer", "_failure", "_feed", "_first", "_flush", "_put", "_settle", "_x")

    def __init__(self, x: Exchange, reply: Reply) -> None:
        assert reply.answer is not None
        assert reply.decode is not None
        assert x.encoder is not None
        self._x = x
        self._answer: Answer | None = reply.answer
        self._failure: UpstreamError | None = None
        self._put: Take = _nobody
        passes = reply.judge is not None and x.encoder.transparent and not x.pipes
        made = _passed(x, reply) if passes else _decoded(x, reply.decode, reply.first)
        self._first, self._feed, self._flush, self._settle = made

    async def first(self) -> bytes:
        return self._judged(self._first)

    async def pour(self, put: Take) -> bool:
        if self._failure is not None:
            raise self._failure
        if self._answer is not None:
            self._put = put
            if not await self._answer.pour(self._take):
                return False
            self._answer = None
            put(self._judged(self._flush))
            return False
        return True

    async def close(self) -> None:
        """Take note of what came; the stage that opened the answer closes it, when the exchange ends."""
        self._settle()

    def _take(self, data: bytes) -> bool:
        try:
            return self._put(self._feed(data))
        except UpstreamError as exc:
            self._put(self._before(exc))
            return False

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


def _nobody(piece: bytes) -> bool:
    return False


def _nothing() -> None:
    """Settle what has been noted event by event."""


def _passed(x: Exchange, reply: Reply) -> Made:
    assert reply.judge is not None
    whole = WholeEvents(x, reply.judge)
    return lambda: whole.feed(reply.head), whole.feed, whole.flush, whole.settle


def _decoded(x: Exchange, decode: Decoder, first: list[Chunk]) -> Made:
    through = fuse(x)
    return lambda: through(first), lambda data: through(decode(data)), lambda: through(decode(b"")), _nothing
