"""Stage `fake-stream`: a stream made of one whole answer."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from pipeline.exchange import Chunk, Exchange, Open, Source
from pipeline.ports import Ports
from pipeline.sources import plain, whole
from pipeline.stage import Stage, StageConfig


class FakeStream(StageConfig, frozen=True):
    """Answer a streaming request from unary upstream calls.

    Heartbeats go out at once and while upstream is silent, then the answer follows in pieces: thoughts first, tool
    calls whole, usage with the last piece. Asked for by the model's name (`fake/`, `-fake-stream`), or for every
    stream with `always`.

    Units: `heartbeat` in seconds, `piece` in characters.
    """

    name = "fake-stream"
    needs = frozenset({"features", "stream", "payload"})
    gives = frozenset({"source"})

    always: bool = False
    heartbeat: float = 3.0
    piece: int = 60

    def __post_init__(self) -> None:
        if self.piece < 1:
            raise ValueError("piece: expected a number of characters, 1 at least")

    def build(self, ports: Ports) -> Stage:
        async def fake_stream(x: Exchange) -> None:
            wanted = self.always or "fake-stream" in x.features
            if not wanted or not x.stream or x.operation != "generate":
                return
            x.commit_early = True
            x.heartbeat = self.heartbeat
            x.source = _in_pieces(x.source or plain(x), self.piece)

        return fake_stream


def _in_pieces(inner: Source, size: int) -> Source:
    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        async with aclosing(inner(whole(ask))) as batches:
            async for chunks in batches:
                for chunk in chunks:
                    for piece in pieces(chunk, size):
                        yield [piece]

    return source


def pieces(chunk: Chunk, size: int) -> Iterator[Chunk]:
    """Cut one whole answer into events as a stream would have brought them; nothing of it is lost or repeated."""
    candidates = chunk.get("candidates") or []
    if len(candidates) != 1:
        yield chunk
        return
    candidate = candidates[0]
    content = candidate.get("content") or {}
    parts = content.get("parts") or []
    ordered = [part for part in parts if part.get("thought")] + [part for part in parts if not part.get("thought")]
    frame = {"role": content.get("role", "model")}, candidate.get("index", 0)
    common: Chunk = {name: chunk[name] for name in ("modelVersion", "responseId") if name in chunk}
    for part in ordered:
        for piece in _cut(part, size):
            yield {"candidates": [_candidate(frame, [piece])], **common}
    rest = {name: value for name, value in candidate.items() if name != "content"}
    last = {name: value for name, value in chunk.items() if name != "candidates"}
    if rest.keys() - {"index"} or "usageMetadata" in last:
        yield {"candidates": [{**rest, **_candidate(frame, [])}], **last}


def _candidate(frame: tuple[Chunk, int], parts: list[Chunk]) -> Chunk:
    role, index = frame
    return {"content": {**role, "parts": parts}, "index": index}


def _cut(part: Chunk, size: int) -> Iterator[Chunk]:
    text = part.get("text")
    if not isinstance(text, str) or len(text) <= size:
        yield part
        return
    plain_part = {name: value for name, value in part.items() if name != "thoughtSignature"}
    for start in range(0, len(text), size):
        yield {**plain_part, "text": text[start : start + size]}
    if "thoughtSignature" in part:
        # In a stream the signature of a text comes after it, as Google sends it too.
        yield {**part, "text": ""}
