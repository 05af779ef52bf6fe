"""Stage `model-suffix`: features that ride on the model's name."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from msgspec import field

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

PREFIXES = {
    "流式抗截断/": "anti-truncation",
    "抗截断/": "anti-truncation",
    "anti-truncation/": "anti-truncation",
    "假流式/": "fake-stream",
    "fake/": "fake-stream",
}

SUFFIXES = {
    "-假流式": "fake-stream",
    "-fake-stream": "fake-stream",
    "-maxthinking": "thinking=max",
    "-nothinking": "thinking=none",
    "-think": "thinking=on",
    "-minimal": "thinking=minimal",
    "-low": "thinking=low",
    "-medium": "thinking=medium",
    "-high": "thinking=high",
    "-max": "thinking=max",
    "-search": "search",
    "-deepthink": "deepthink",
    "-2k": "image-size=2K",
    "-4k": "image-size=4K",
    "-1x1": "aspect-ratio=1:1",
    "-16x9": "aspect-ratio=16:9",
    "-9x16": "aspect-ratio=9:16",
    "-21x9": "aspect-ratio=21:9",
    "-4x3": "aspect-ratio=4:3",
    "-3x4": "aspect-ratio=3:4",
}

_BUDGET = re.compile(r"-thinking-(\d{1,6})$")


class ModelSuffix(StageConfig, frozen=True):
    """Take features off the model's name, in any order and number, and leave the plain model.

    `fake/gemini-3.8-flash-search-high` asks for model `gemini-3.8-flash` with fake streaming, search and a high
    thinking level. What a feature does is another stage's business.

    Shape: both tables map a spelling to a feature, `name` or `name=value`; `-thinking-<budget>` is always understood.
        Where two contradict each other, the one nearer to the end counts, and any suffix before a prefix.
        `aliases` maps a whole model name to another, before and after the features are taken off.
    """

    name = "model-suffix"
    needs = frozenset({"model"})
    gives = frozenset({"features"})

    prefixes: dict[str, str] = field(default_factory=lambda: dict(PREFIXES))
    suffixes: dict[str, str] = field(default_factory=lambda: dict(SUFFIXES))
    aliases: dict[str, str] = field(default_factory=dict)

    def known(self) -> dict[str, str]:
        """Return the plain model behind each alias."""
        take = taker(self.prefixes, self.suffixes)
        return {alias: take(target)[0] for alias, target in self.aliases.items()}

    def build(self, ports: Ports) -> Stage:
        # PERF: callers use few names, and looking for thirty spellings costs more than all else here.
        take = lru_cache(maxsize=1024)(taker(self.prefixes, self.suffixes))
        aliases = self.aliases

        async def model_suffix(x: Exchange) -> None:
            model, features = take(aliases.get(x.model, x.model))
            if model in aliases:
                model, implied = take(aliases[model])
                features = {**implied, **features}
            x.model = model
            x.features.update(features)

        return model_suffix


def taker(prefixes: dict[str, str], suffixes: dict[str, str]) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """Return the function that splits a name into the plain model and its features."""
    # The longest spelling first, so that `-maxthinking` is not read as the end of another.
    starts = sorted(prefixes.items(), key=lambda item: -len(item[0]))
    ends = sorted(suffixes.items(), key=lambda item: -len(item[0]))

    def take(model: str) -> tuple[str, dict[str, Any]]:
        features: dict[str, Any] = {}
        while found := _at_end(model, ends) or _at_start(model, starts):
            model, name, value = found
            features.setdefault(name, value)
        return model, features

    return take


Found = tuple[str, str, Any]
"""What is left of a name, and the feature that was taken off it with its value."""


def _at_end(model: str, ends: list[tuple[str, str]]) -> Found | None:
    for spelling, feature in ends:
        if model.endswith(spelling) and len(model) > len(spelling):
            return model[: -len(spelling)], *_named(feature)
    budget = _BUDGET.search(model)
    return (model[: budget.start()], "thinking", int(budget[1])) if budget and budget.start() else None


def _at_start(model: str, starts: list[tuple[str, str]]) -> Found | None:
    for spelling, feature in starts:
        if model.startswith(spelling) and len(model) > len(spelling):
            return model[len(spelling) :].removeprefix("models/"), *_named(feature)
    return None


def _named(feature: str) -> tuple[str, Any]:
    name, _, value = feature.partition("=")
    return name, value or True
