"""How much to think, in Anthropic's words: a budget of tokens or an effort."""

from __future__ import annotations

from typing import Any

from adapters.dialects.anthropic.messages import ThinkingConfig
from pipeline.thinking import family, thinking

# From which budget on a level is meant: the budgets that Google gives for its own levels.
_LEVELS = ((24_576, "high"), (8192, "medium"), (0, "low"))


def thinking_config(model: str, asked: ThinkingConfig | None, effort: str | None) -> dict[str, Any]:
    """Return the thinkingConfig for what was asked; empty where nothing was.

    Shape: a budget becomes the level below it on models that know levels only, and stays within the model's limits
        on the others, for beyond them Google refuses the request. Of a model that is not known by this name, `amount`
        tells how much.
    """
    if asked is None:
        return thinking(model, effort) if effort else {}
    if asked.type == "disabled":
        return thinking(model, "none")
    config = {"includeThoughts": asked.display != "omitted"}
    if effort:
        return {**thinking(model, effort), **config}
    if asked.budget_tokens is None:
        return config
    return {**_budget(model, asked.budget_tokens), **config}


def amount(asked: ThinkingConfig | None, effort: str | None) -> str | int:
    """Return how much to think, for a model whose family shows only behind an alias; empty where nothing was said."""
    if asked is not None and asked.type == "disabled":
        return "none"
    return effort or (asked.budget_tokens if asked else None) or ""


def _budget(model: str, tokens: int) -> dict[str, Any]:
    known = family(model)
    if known is None:
        return {}
    if known.levels:
        return thinking(model, next(effort for least, effort in _LEVELS if tokens >= least))
    return {"thinkingBudget": min(max(tokens, known.least), known.most)}
