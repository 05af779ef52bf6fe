"""OpenAI's custom tools, which take free text: Google knows functions only, so one of one parameter stands for each."""

from __future__ import annotations

from typing import Any

_INPUT = "input"

SCHEMA: dict[str, Any] = {"type": "object", "properties": {_INPUT: {"type": "string"}}, "required": [_INPUT]}
"""The parameters of the function that stands for such a tool."""


def described(description: str | None, grammar: str | None) -> str:
    """Return what to tell the model of a tool, its grammar included: Google knows none to enforce."""
    return (description or "") + (f"\n\nThe input must fit this grammar:\n{grammar}" if grammar else "")


def arguments(text: str) -> dict[str, Any]:
    """Return the arguments of the function for a text that the tool was called with."""
    return {_INPUT: text}


def text_of(args: dict[str, Any]) -> str:
    """Return the text that the tool is called with."""
    return str(args.get(_INPUT, ""))
