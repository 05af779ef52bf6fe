"""Building blocks of the source tier: what yields an answer's events in place of one plain upstream call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from pipeline.errors import UpstreamError

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Open, Reply, Source


def plain(x: Exchange) -> Source:
    """Return the source that asks upstream once, as the exchange wants it."""

    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        async for chunks in events(await ask(x.payload, x.stream)):
            yield chunks

    return source


async def events(reply: Reply) -> AsyncGenerator[list[Chunk], None]:
    """Yield an upstream answer's events as batches. Errors: UpstreamError, after the events that came before it."""
    answer, decode = reply.answer, reply.decode
    assert answer is not None, "only upstream's replies have events"
    assert decode is not None
    yield reply.first
    try:
        while data := await answer.read():
            chunks = decode(data)
            if chunks:
                yield chunks
        rest = decode(b"")
        if rest:
            yield rest
    except UpstreamError as exc:
        if exc.chunks:
            yield exc.chunks
        raise


def text_of(chunk: Chunk) -> str:
    """Return the answer's text in one event: of the first candidate, without thoughts."""
    return "".join(part.get("text", "") for part in parts_of(chunk) if not part.get("thought"))


def parts_of(chunk: Chunk) -> list[Chunk]:
    """Return the parts of the first candidate of one event."""
    candidates = chunk.get("candidates") or [{}]
    content = candidates[0].get("content") or {}
    parts: list[Chunk] = content.get("parts") or []
    return parts


def summed(usages: list[Chunk]) -> Chunk:
    """Add up the token counts of several upstream calls; lists of details keep the last call's."""
    total: Chunk = {}
    for usage in usages:
        for name, value in usage.items():
            total[name] = total.get(name, 0) + value if isinstance(value, int) else value
    return total
