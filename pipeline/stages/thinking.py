"""Stage `thinking`: how much the model thinks, and whether its thoughts come along."""

from fnmatch import fnmatchcase
from typing import Any

from msgspec import field

from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Ports
from pipeline.registry import did_you_mean
from pipeline.stage import Stage, StageConfig
from pipeline.thinking import EFFORTS, budget, family, relented, thinking, thoughtful

_ASKED_FOR_HERE = frozenset({"openai_chat"})
"""Protocols whose callers cannot ask for thoughts, but show them where they come."""


class Thinking(StageConfig, frozen=True):
    """Set the thinking budget or level that the model's name asks for, in the terms and limits of its family.

    `-nothinking`, `-minimal` ... `-max`, `-think` and `-thinking-<budget>` win over what the request says. What the
    model turns out not to understand is asked once more with the next higher level, or left to the model. With
    `include_thoughts` OpenAI chat callers get the thoughts of models that think (as `reasoning_content`), unless the
    request says otherwise; other protocols have words of their own for it and are left alone.

    Shape: `defaults` say how much models think where neither name nor request does: an effort, `on` or a budget in
        tokens, by glob of model names, the first that fits. `default_thinking` of a `[[model]]` adds to them.
    """

    name = "thinking"
    needs = frozenset({"features", "payload", "model", "dialect"})

    include_thoughts: bool = True
    defaults: dict[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for wanted_by_default in self.defaults.values():
            if isinstance(wanted_by_default, str) and wanted_by_default not in {"on", *EFFORTS}:
                near = did_you_mean(wanted_by_default, EFFORTS)
                raise ValueError(f"no effort {wanted_by_default!r} to think with{near}")

    def build(self, ports: Ports) -> Stage:
        include, defaults = self.include_thoughts, self.defaults

        async def think(x: Exchange) -> None:
            if x.operation != "generate":
                return
            if "thinking" in x.features:
                _set(x.payload, wanted(x.model, x.features["thinking"]))
            elif x.asked.effort and not _says_how_much(x.payload):
                # The dialect could not tell the family by an alias.
                _set(x.payload, wanted(x.model, x.asked.effort))
            elif defaults and not _says_how_much(x.payload):
                _set(x.payload, _default(x.model, defaults))
            if include and x.dialect.name in _ASKED_FOR_HERE:
                _include_thoughts(x.payload, x.model)
            if "thinking" in x.features or x.dialect.name != "gemini":
                # A Gemini caller chose the model's own words, and hears what the model says to them.
                x.repairs.append(_relent)

        return think


def _default(model: str, defaults: dict[str, str | int]) -> Chunk:
    feature = next((each for glob, each in defaults.items() if fnmatchcase(model, glob)), None)
    return {} if feature is None else wanted(model, feature)


def _says_how_much(payload: Chunk) -> bool:
    config = (payload.get("generationConfig") or {}).get("thinkingConfig") or {}
    return "thinkingBudget" in config or "thinkingLevel" in config


def wanted(model: str, feature: str | int) -> Chunk:
    """Return the thinkingConfig for a feature: an effort, `on`, or a budget in tokens."""
    if isinstance(feature, int):
        return budget(model, feature)
    return thoughtful(model) if feature == "on" else thinking(model, feature)


def _set(payload: Chunk, config: dict[str, Any]) -> None:
    if not config:
        return
    generation = payload.setdefault("generationConfig", {})
    kept = generation.get("thinkingConfig") or {}
    if "thinkingBudget" in config or "thinkingLevel" in config:
        # Both at once are refused with 400.
        kept = {name: value for name, value in kept.items() if name not in ("thinkingBudget", "thinkingLevel")}
    if config.get("thinkingBudget") == 0:
        # So are the thoughts of a model that does not think.
        kept.pop("includeThoughts", None)
    generation["thinkingConfig"] = {**kept, **config}


def _include_thoughts(payload: Chunk, model: str) -> None:
    known = family(model)
    config = (payload.get("generationConfig") or {}).get("thinkingConfig") or {}
    if known is None or config.get("thinkingBudget", 0 if known.rests else None) == 0:
        return
    generation = payload.setdefault("generationConfig", {})
    generation["thinkingConfig"] = {"includeThoughts": True, **config}


def _relent(payload: Chunk, exc: UpstreamError) -> Chunk | None:
    """Mend a request for thinking that this model does not know."""
    generation = payload.get("generationConfig") or {}
    config = generation.get("thinkingConfig")
    if not config or exc.status != 400 or "thinking" not in exc.message.lower():
        return None
    return {**payload, "generationConfig": {**generation, "thinkingConfig": relented(config)}}
