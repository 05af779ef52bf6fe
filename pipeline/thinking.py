"""How much a model may think: an effort in OpenAI's words becomes what that model family understands.

Source: upstream documentation "OpenAI compatibility" and "Thinking"; models of November 2026.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import Struct

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
_WANTED = {"none": 0, "minimal": 0, "low": 1, "medium": 2, "high": 3, "xhigh": 4, "max": 4}
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")


class Family(Struct, frozen=True):
    """What one family of models understands.

    Shape: `levels` by name in rising order, else it takes a budget of `least` to `most`. `off` says that the budget may
        be 0, `rests` that it is where nobody says otherwise.
    Units: budgets in tokens.
    """

    pattern: str
    levels: tuple[str, ...] = ()
    least: int = 128
    most: int = 32_768
    off: bool = False
    rests: bool = False


_ALL = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_FROM_LOW = ("LOW", "MEDIUM", "HIGH")

FAMILIES = (
    Family(r"gemini-2\.5-pro"),
    Family(r"gemini-2\.5-flash-lite", least=512, most=24_576, off=True, rests=True),
    Family(r"gemini-2\.5-flash", least=1, most=24_576, off=True),
    Family(r"gemini-3\.1-flash-image", ("MINIMAL", "HIGH")),
    Family(r"gemini-3-pro", ("LOW", "HIGH")),
    Family(r"gemini-3(\.[15])?-flash|gemini-flash-lite-latest", _ALL),
    # From 3.6 on MINIMAL is refused; what we have never heard of is taken to be like the newest.
    Family(r"gemini-([3-9]|[1-9]\d)|gemini-(pro|flash)-latest", _FROM_LOW),
)
"""The first whose pattern is found in the model's name counts; prefixes and feature suffixes may surround it."""


@lru_cache(maxsize=1024)
def family(model: str) -> Family | None:
    """Return the family of a model, or None when nothing is known about how it thinks."""
    return next((each for each in FAMILIES if re.search(each.pattern, model)), None)


def thinking(model: str, effort: str) -> dict[str, Any]:
    """Return the thinkingConfig that comes nearest to an effort; empty for a model that has none.

    Shape: `effort` is one of EFFORTS. Where thinking cannot be turned off, `none` is the least of it, unseen.
    """
    known = family(model)
    if known is None:
        return {}
    hidden = {"includeThoughts": False} if effort == "none" else {}
    if known.levels:
        return {"thinkingLevel": _level(known.levels, _WANTED[effort]), **hidden}
    if effort == "none":
        return {"thinkingBudget": 0 if known.off else known.least, **hidden}
    return {"thinkingBudget": min(max(_BUDGETS[effort], known.least), known.most)}


def _level(levels: tuple[str, ...], wanted: int) -> str:
    """The lowest level that is at least what was asked for, else the highest there is."""
    return next((level for level in levels if _LEVELS.index(level) >= wanted), levels[-1])


def budget(model: str, tokens: int) -> dict[str, Any]:
    """Return the thinkingConfig for a budget, within the family's limits; unchanged where none are known.

    Source: families with levels still take a budget, but never both.
    """
    known = family(model)
    if known is None:
        return {"thinkingBudget": tokens}
    if tokens == 0:
        return thinking(model, "none")
    return {"thinkingBudget": min(max(tokens, known.least), known.most)}


def thoughtful(model: str) -> dict[str, Any]:
    """Return the thinkingConfig for thinking as much as the model likes, and showing it."""
    known = family(model)
    return {"includeThoughts": True, **({"thinkingBudget": -1} if known and known.rests else {})}


def relented(config: dict[str, Any]) -> dict[str, Any]:
    """Return what to ask for after upstream has refused a thinkingConfig: the next higher level, else nothing."""
    level = config.get("thinkingLevel")
    higher = {"MINIMAL": "LOW", "LOW": "HIGH", "MEDIUM": "HIGH", "XHIGH": "HIGH"}.get(level or "")
    return {**config, "thinkingLevel": higher} if higher else {}
