"""Stage `fake-stream`: a stream made of one whole answer."""

from collections.abc import AsyncGenerator, Iterator

from pipeline.exchange import Chunk, Exchange, Open, Reply, Source
from pipeline.ports import Ports
from pipeline.sources import plain
from pipeline.stage import Stage, StageConfig


class FakeStream(StageConfig, frozen=True):
    """Answer a streaming request from one unary upstream call.

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

    def build(self, ports: Ports) -> Stage:
        async def fake_stream(x: Exchange) -> None:
            wanted = self.always or "fake-stream" in x.features
            if not wanted or not x.stream or x.operation != "generate":
                return
            x.commit_early = True
            x.heartbeat = self.heartbeat
            x.source = _in_pieces(x, x.source, self.piece)

        return fake_stream


def _in_pieces(x: Exchange, inner: Source | None, size: int) -> Source:
    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        async def ask_whole(payload: Chunk, stream: bool) -> Reply:
            return await ask(payload, False)

        async for chunks in (inner or plain(x))(ask_whole):
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
    role = {"role": content.get("role", "model")}
    common: Chunk = {name: chunk[name] for name in ("modelVersion", "responseId") if name in chunk}
    for part in ordered:
        for piece in _cut(part, size):
            yield {
                "candidates": [{"content": {**role, "parts": [piece]}, "index": candidate.get("index", 0)}],
                **common,
            }
    last = {name: value for name, value in candidate.items() if name != "content"}
    rest = {name: value for name, value in chunk.items() if name != "candidates"}
    yield {"candidates": [{**last, "content": {**role, "parts": []}}], **rest}


def _cut(part: Chunk, size: int) -> Iterator[Chunk]:
    text = part.get("text")
    if not isinstance(text, str) or len(text) <= size or "thoughtSignature" in part:
        yield part
        return
    for start in range(0, len(text), size):
        yield {**part, "text": text[start : start + size]}
