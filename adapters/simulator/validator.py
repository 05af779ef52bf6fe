"""Refusing what Google refuses, in Google's words."""

from __future__ import annotations

from typing import Any

from adapters.simulator.configuration import check_config, check_safety
from adapters.simulator.contents import check_contents
from adapters.simulator.messages import Face
from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal
from adapters.simulator.thoughts import check_signatures, check_thinking
from adapters.simulator.tokens import prompt_tokens
from adapters.simulator.tools import check_tools


def validate(request: dict[str, Any], model: Model, face: Face, *, stream: bool) -> None:
    """Refuse a well-formed generateContent request that breaks a rule.

    Errors: `Refusal` 400 for the first rule broken.
    """
    check_contents(request, face)
    check_safety(request)
    check_tools(request, model)
    check_config(request, model, stream=stream)
    check_thinking(request, model)
    check_signatures(request, model, face)
    if (count := prompt_tokens(request)) > model.input_tokens:
        raise Refusal.invalid(
            f"The input token count ({count}) exceeds the maximum number of tokens allowed ({model.input_tokens})."
        )
