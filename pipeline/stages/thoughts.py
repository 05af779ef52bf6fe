"""Stage `thoughts`: whether the caller sees the model's thoughts."""

from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Thoughts(StageConfig, frozen=True):
    """Pass the model's thoughts on, or keep them back.

    With `show = false` parts marked `thought` are dropped from the answer; a part that carries a signature keeps it.
    """

    name = "thoughts"
    needs = frozenset({"reply"})

    show: bool = True

    def build(self, ports: Ports) -> Stage | None:
        if self.show:
            return None

        async def thoughts(x: Exchange) -> None:
            if x.operation == "generate":
                x.pipes.append(without_thoughts)

        return thoughts


def without_thoughts(chunk: Chunk) -> Chunk:
    """Drop the thought parts of one event."""
    for candidate in chunk.get("candidates") or ():
        content = candidate.get("content")
        if content and content.get("parts"):
            content["parts"] = [part for part in content["parts"] if not part.get("thought")]
    return chunk
