"""What Google demands about thinking: levels and budgets per model, and signatures handed back.

Source: upstream-wire.md §4.2, §5, §8.
"""

from __future__ import annotations

from typing import Any

from adapters.simulator.contents import Content, current_turn
from adapters.simulator.messages import Face
from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal
from adapters.simulator.signatures import is_dummy, is_genuine

_DOCS = "https://ai.google.dev/gemini-api/docs/thought-signatures"
_BOTH = "You can only set only one of thinking budget and thinking level."


def check_thinking(request: dict[str, Any], model: Model) -> None:
    """Refuse a level or a budget that the model does not have."""
    config = request.get("generationConfig", {}).get("thinkingConfig", {})
    level, budget = config.get("thinkingLevel"), config.get("thinkingBudget")
    if level is not None and budget is not None:
        raise Refusal.invalid(_BOTH)
    if config and not model.thinks:
        raise Refusal.invalid("Thinking is not enabled for this model.")
    if level is not None:
        _check_level(level, model)
    if budget is not None and model.budget:
        _check_budget(budget, model, model.budget)


def _check_level(level: str, model: Model) -> None:
    if not model.levels:
        raise Refusal.invalid("Thinking level is not supported for this model.")
    if level not in model.levels:
        raise Refusal.invalid(
            f"Thinking level {level} is not supported for this model. Please retry with other thinking level."
        )


def _check_budget(budget: int, model: Model, limits: tuple[int, int]) -> None:
    if budget == 0 and not model.can_rest:
        raise Refusal.invalid("Budget 0 is invalid. This model only works in thinking mode.")
    low, high = limits
    if budget not in (-1, 0) and not low <= budget <= high:
        raise Refusal.invalid(
            f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}."
        )


def check_signatures(request: dict[str, Any], model: Model, face: Face) -> None:
    """Refuse a current turn whose signatures are missing, foreign or on another part."""
    if not model.signs:
        return
    contents = request["contents"]
    for number in range(current_turn(contents), len(contents)):
        if contents[number].get("role") == "model":
            _check_content(contents[number], number + 1, model, face)
    if model.image:
        _check_images(contents)


def _check_content(content: Content, position: int, model: Model, face: Face) -> None:
    first_call = True
    for part in content["parts"]:
        call, signature = part.get("functionCall"), part.get("thoughtSignature")
        if call is not None and first_call and not signature:
            raise Refusal.invalid(_missing(call.get("name", ""), position, face))
        first_call = first_call and call is None
        name = "" if call is None else call.get("name", "")
        if signature and not is_dummy(signature) and not is_genuine(signature, model.name, name):
            raise Refusal.named("400-signature")


def _check_images(contents: list[Content]) -> None:
    for position, content in enumerate(contents, 1):
        for number, part in enumerate(content["parts"], 1):
            if content.get("role") == "model" and "inlineData" in part and "thoughtSignature" not in part:
                raise Refusal.invalid(
                    f"Image part is missing a thought_signature in content position {position}, part position"
                    f" {number}. Please refer to {_DOCS} for more details."
                )


def _missing(name: str, position: int, face: Face) -> str:
    if face != "gemini":
        return (
            f"Unable to submit request because function call `default_api:{name}` in the {_ordinal(position)}"
            " content block is missing a `thought_signature`. Learn more:"
            " https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"
        )
    return (
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
        " correctly, and missing thought_signature may lead to degraded model performance. Additional data, function"
        f" call `default_api:{name}` , position {position}. Please refer to {_DOCS} for more details."
    )


def _ordinal(number: int) -> str:
    tens = number % 100
    suffix = "th" if 10 <= tens <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
