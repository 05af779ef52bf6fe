"""What Google demands of a conversation: parts with data, roles in order, every call answered.

Source: upstream-wire.md §2.3, §3.3, §4.2.
"""

from __future__ import annotations

from typing import Any

from adapters.simulator.messages import Face
from adapters.simulator.refusal import Refusal

Content = dict[str, Any]
Part = dict[str, Any]

_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_NO_DATA = "required oneof field 'data' must have one initialized field"
_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the"
    " function call turn."
)
_CALL_ORDER = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
)
_RESPONSE_ORDER = "Please ensure that function response turn comes immediately after a function call turn."
_ALTERNATE = "Please ensure that multiturn requests alternate between user and model roles."
_USER_LAST = "Please ensure that multiturn requests ends with a user role or a function response."
_MIXED = "Please ensure that function response parts come before any other part of the turn."


def calls_of(content: Content) -> list[dict[str, Any]]:
    """The function calls of one content."""
    return [part["functionCall"] for part in content["parts"] if "functionCall" in part]


def responses_of(content: Content) -> list[dict[str, Any]]:
    """The function responses of one content."""
    return [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]


def check_contents(request: dict[str, Any], face: Face) -> None:
    """Refuse a conversation that Google would not read."""
    contents = request.get("contents")
    if not contents:
        raise Refusal.invalid("* GenerateContentRequest.contents: contents is not specified\n")
    for number, content in enumerate(contents):
        check_parts(content, f"GenerateContentRequest.contents[{number}]")
        if content.get("role") not in (None, "", "user", "model", "function"):
            raise Refusal.invalid("Please use a valid role: user, model.")
    if system := request.get("systemInstruction"):
        check_parts(system, "GenerateContentRequest.system_instruction")
    _check_pairs(contents)
    if face == "code_assist":
        _check_order(contents)


def check_parts(content: Content, path: str) -> None:
    """Refuse a content without parts, and parts without exactly one kind of data."""
    parts = content.get("parts")
    if not parts:
        raise Refusal.invalid(f"* {path}.parts: contents.parts must not be empty.\n")
    for number, part in enumerate(parts):
        if sum(kind in part for kind in _DATA) != 1:
            raise Refusal.invalid(f"* {path}.parts[{number}].data: {_NO_DATA}\n")


def _check_pairs(contents: list[Content]) -> None:
    calls = 0
    for number, content in enumerate(contents):
        answers = len(responses_of(content))
        if answers and not calls:
            raise Refusal.invalid(_RESPONSE_ORDER)
        if answers != calls:
            raise Refusal.invalid(_COUNT)
        calls = len(calls_of(content))
        if calls and (number == 0 or contents[number - 1].get("role") == "model"):
            raise Refusal.invalid(_CALL_ORDER)
    if calls:
        raise Refusal.invalid(_COUNT)


def _check_order(contents: list[Content]) -> None:
    """Code Assist takes strictly alternating turns, beginning and ending with the user."""
    for number, content in enumerate(contents):
        if (content.get("role") == "model") != bool(number % 2):
            raise Refusal.invalid(_ALTERNATE)
        kinds = ["functionResponse" in part for part in content["parts"]]
        if kinds != sorted(kinds, reverse=True):
            raise Refusal.invalid(_MIXED)
    if contents[-1].get("role") == "model":
        raise Refusal.invalid(_USER_LAST)


def current_turn(contents: list[Content]) -> int:
    """The index of the last user content that holds more than function responses: there the turn begins.

    Source: upstream-wire.md §5.2.
    """
    for number in range(len(contents) - 1, -1, -1):
        content = contents[number]
        if content.get("role") != "model" and any("functionResponse" not in part for part in content["parts"]):
            return number
    return 0
