"""Stage `compatibility`: system instructions as user text, for models that know no system role."""

from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Compatibility(StageConfig, frozen=True):
    """Send the system instruction as the first user message, word for word."""

    name = "compatibility"
    needs = frozenset({"payload"})

    system_to_user: bool = False

    def build(self, ports: Ports) -> Stage | None:
        if not self.system_to_user:
            return None

        async def compatibility(x: Exchange) -> None:
            if x.operation == "generate":
                move_system(x.payload)

        return compatibility


def move_system(payload: Chunk) -> None:
    """Move the system instruction in front of the conversation; it joins a user message that stands there."""
    instruction = payload.pop("systemInstruction", None)
    parts = (instruction or {}).get("parts")
    if not parts:
        return
    contents = list(payload.get("contents") or ())
    if contents and contents[0].get("role", "user") == "user":
        contents[0] = {**contents[0], "parts": [*parts, *contents[0].get("parts", ())]}
    else:
        contents.insert(0, {"role": "user", "parts": parts})
    payload["contents"] = contents
