"""Thought signatures where the caller lost them: the documented bypass, exactly where Google checks.

Source: upstream documentation "Thought signatures", FAQ: transferring history from other models.
"""

from __future__ import annotations

import re
from typing import Any

DUMMY = "skip_thought_signature_validator"
"""What Google documents for history without signatures; works on the Gemini API, Vertex and Code Assist."""

Content = dict[str, Any]

# The moving aliases lead to models that check; the bypass is harmless on those that do not.
_CHECKING = re.compile(r"gemini-(?:[3-9]|[1-9]\d)|gemini-(?:pro|flash|flash-lite)-latest")


def checks(model: str) -> bool:
    """Whether a model refuses function calls without a signature."""
    return _CHECKING.search(model) is not None


def fill_missing(contents: list[Content], model: str) -> list[Content]:
    """Return the conversation with the bypass where Google would miss a signature.

    Shape: what is unchanged is shared with the argument, which is never edited. Only the current turn is checked, and
        there the first function call of each model content; image models check the pictures they made in every turn.
    """
    if not checks(model):
        return contents
    start = current_turn(contents)
    images = "image" in model
    filled = []
    for number, content in enumerate(contents):
        if content.get("role") == "model":
            content = _filled(content, calls=number > start, images=images)
        filled.append(content)
    return filled


def replace_all(contents: list[Content]) -> list[Content]:
    """Return the conversation with every signature replaced by the bypass: the cure for "Corrupted thought signature".

    Shape: what is unchanged is shared with the argument, which is never edited.
    """
    return [
        {
            **content,
            "parts": [_signed(part) if "thoughtSignature" in part else part for part in content["parts"]],
        }
        if any("thoughtSignature" in part for part in content.get("parts") or ())
        else content
        for content in contents
    ]


def current_turn(contents: list[Content]) -> int:
    """Return the index of the last user content that is more than function responses; -1 when there is none."""
    for number in range(len(contents) - 1, -1, -1):
        content = contents[number]
        if content.get("role") != "model" and any("functionResponse" not in p for p in content.get("parts") or ()):
            return number
    return -1


def _signed(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "thoughtSignature": DUMMY}


def _filled(content: Content, *, calls: bool, images: bool) -> Content:
    parts = list(content.get("parts") or ())
    first = next((n for n, part in enumerate(parts) if "functionCall" in part), -1) if calls else -1
    unsigned = [
        n
        for n, part in enumerate(parts)
        if "thoughtSignature" not in part and (n == first or (images and "inlineData" in part))
    ]
    if not unsigned:
        return content
    for n in unsigned:
        parts[n] = _signed(parts[n])
    return {**content, "parts": parts}
