"""Building blocks of the source tier: what yields an answer's events in place of one plain upstream call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING

from pipeline.errors import UpstreamError

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Open, Reply, Source


def plain(x: Exchange) -> Source:
    """Return the source that asks upstream once, as the exchange wants it."""

    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        async for chunks in events(await opener(x, ask)(x.payload, x.stream)):
            yield chunks

    return source


def opener(x: Exchange, ask: Open) -> Open:
    """Return what a source asks with: for streams where the caller wants one, else for whole answers."""
    return ask if x.stream else whole(ask)


def whole(ask: Open) -> Open:
    """Return what asks for whole answers, even where it is asked for a stream."""

    async def ask_whole(payload: Chunk, stream: bool) -> Reply:
        reply = await ask(payload, False)
        reply.decode = None  # it has been read to its end
        return reply

    return ask_whole


async def events(reply: Reply) -> AsyncGenerator[list[Chunk], None]:
    """Yield an upstream answer's events as batches. Errors: UpstreamError, after the events that came before it."""
    answer, decode = reply.answer, reply.decode
    yield reply.first
    if decode is None:
        return
    assert answer is not None, "only upstream's replies have events"
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


def said(parts: list[Chunk]) -> Chunk:
    """Return an event of the first candidate that holds these parts."""
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}]}


def summed(usages: Iterable[Chunk]) -> Chunk:
    """Add up the token counts of several upstream calls, details by modality; what is no count, the last call says."""
    total: Chunk = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, int):
                total[name] = total.get(name, 0) + value
            elif isinstance(value, list):
                total[name] = _details([*total.get(name, ()), *value])
            else:
                total[name] = value
    return total


def _details(counts: list[Chunk]) -> list[Chunk]:
    by_modality: dict[str, int] = {}
    for each in counts:
        modality = each.get("modality", "")
        by_modality[modality] = by_modality.get(modality, 0) + each.get("tokenCount", 0)
    return [{"modality": modality, "tokenCount": count} for modality, count in by_modality.items()]
