"""Stage `probe`: answers a client's "is anybody there" without asking upstream."""

from collections.abc import AsyncGenerator

from pipeline.exchange import Chunk, Exchange, Reply
from pipeline.ports import Ports
from pipeline.sources import said
from pipeline.stage import Stage, StageConfig


class Probe(StageConfig, frozen=True):
    """Answer a conversation of the one user message `word` here, so that health probes cost no quota.

    Off unless `answer` holds what to say. Only chats that have nothing else in them are answered: no history, no
    system text, no tools.
    """

    name = "probe"
    needs = frozenset({"payload", "operation"})

    word: str = "Hi"
    answer: str = ""

    def build(self, ports: Ports) -> Stage | None:
        if not self.answer:
            return None

        async def probe(x: Exchange) -> None:
            if x.operation == "generate" and _is_probe(x.payload, self.word):
                x.reply = Reply(source=_said(x, self.answer))

        return probe


async def _said(x: Exchange, text: str) -> AsyncGenerator[list[Chunk], None]:
    event = said([{"text": text}])
    event["candidates"][0]["finishReason"] = "STOP"
    yield [{**event, "modelVersion": x.model}]


def _is_probe(payload: Chunk, word: str) -> bool:
    contents = payload.get("contents") or []
    if len(contents) != 1 or payload.get("systemInstruction") or payload.get("tools"):
        return False
    only = contents[0]
    return bool(only.get("role", "user") == "user" and only.get("parts") == [{"text": word}])
