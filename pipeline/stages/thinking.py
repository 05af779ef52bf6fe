"""Stage `thinking`: how much the model thinks, and whether its thoughts come along."""

from typing import Any

from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig
from pipeline.thinking import budget, family, thinking

_ASKED_FOR_HERE = frozenset({"openai_chat"})
"""Protocols whose callers cannot ask for thoughts, but show them where they come."""


class Thinking(StageConfig, frozen=True):
    """Set the thinking budget or level that the model's name asks for, in the terms and limits of its family.

    `-nothinking`, `-minimal` ... `-max`, `-think` and `-thinking-<budget>` win over what the request says. With
    `include_thoughts` OpenAI chat callers get the thoughts of models that think (as `reasoning_content`), unless the
    request says otherwise; other protocols have words of their own for it and are left alone.
    """

    name = "thinking"
    needs = frozenset({"features", "payload", "model"})

    include_thoughts: bool = True

    def build(self, ports: Ports) -> Stage:
        include = self.include_thoughts

        async def think(x: Exchange) -> None:
            if x.operation != "generate":
                return
            if "thinking" in x.features:
                _set(x.payload, wanted(x.model, x.features["thinking"]))
            if include and x.dialect.name in _ASKED_FOR_HERE and family(x.model) is not None:
                _include_thoughts(x.payload)

        return think


def wanted(model: str, feature: str | int) -> Chunk:
    """Return the thinkingConfig for a feature: an effort, `on`, or a budget in tokens."""
    if isinstance(feature, int):
        return budget(model, feature)
    if feature == "on":
        return {"includeThoughts": True}
    return thinking(model, feature)


def _set(payload: Chunk, config: dict[str, Any]) -> None:
    if not config:
        return
    generation = payload.setdefault("generationConfig", {})
    kept = generation.get("thinkingConfig") or {}
    if "thinkingBudget" in config or "thinkingLevel" in config:
        # Both at once are refused with 400.
        kept = {name: value for name, value in kept.items() if name not in ("thinkingBudget", "thinkingLevel")}
    generation["thinkingConfig"] = {**kept, **config}


def _include_thoughts(payload: Chunk) -> None:
    generation = payload.setdefault("generationConfig", {})
    config = generation.setdefault("thinkingConfig", {})
    # Asking for the thoughts of a model that does not think is refused with 400.
    if config.get("thinkingBudget") != 0:
        config.setdefault("includeThoughts", True)
