"""Counting tokens: four characters each, 258 for anything that is not text."""

from __future__ import annotations

from typing import Any

import orjson

_MEDIA_TOKENS = 258


def count_text(text: str) -> int:
    """Tokens in a text; 0 only for an empty one."""
    return -(-len(text) // 4)


def count_part(part: dict[str, Any]) -> int:
    """Tokens in one part."""
    if "text" in part:
        return count_text(part["text"])
    if "inlineData" in part or "fileData" in part:
        return _MEDIA_TOKENS
    return -(-len(orjson.dumps(part)) // 4)


def count_contents(contents: list[dict[str, Any]]) -> int:
    """Tokens in a conversation."""
    return sum(count_part(part) for content in contents for part in content.get("parts", ()))


def prompt_tokens(request: dict[str, Any]) -> int:
    """Tokens that a request costs before the model has said anything."""
    count = count_contents(request.get("contents", []))
    count += count_contents([request["systemInstruction"]]) if "systemInstruction" in request else 0
    return count + (-(-len(orjson.dumps(request["tools"])) // 4) if "tools" in request else 0)
