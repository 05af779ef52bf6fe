"""Conversations as Code Assist takes them: turns that alternate, begin and end with the user.

Only what would be refused is changed, and never a word of anybody's text. A conversation that is in order is
passed on as it is, the same object.
Source: google-gemini/gemini-cli `historyHardening.ts`, which does the same before it sends.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pipeline.exchange import Chunk

_ROLES = {"model": "model", "user": "user"}
_OPENING = "..."
_CLOSING = "Please continue."


def alternating(contents: list[Chunk]) -> list[Chunk]:
    """Return the contents with neighbours of one role joined and a user's turn at either end."""
    if _in_order(contents):
        return contents
    turns: list[Chunk] = []
    for content in contents:
        parts = list(content.get("parts") or ())
        if not parts:
            continue
        role = _ROLES.get(content.get("role") or "user", "user")
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"].extend(parts)
        else:
            turns.append({**content, "role": role, "parts": parts})
    if turns and turns[0]["role"] == "model":
        turns.insert(0, _said(_OPENING))
    if turns and turns[-1]["role"] == "model":
        turns.append(_said(_CLOSING))
    for turn in turns:
        turn["parts"] = _responses_first(turn["parts"])
    return turns


def instruction(system: Any) -> Any:
    """Return the system instruction with the role that Code Assist asks for."""
    if isinstance(system, dict) and not system.get("role"):
        return {**system, "role": "user"}
    return system


def _said(text: str) -> Chunk:
    return {"role": "user", "parts": [{"text": text}]}


def _in_order(contents: list[Chunk]) -> bool:
    expected = "user"
    for content in contents:
        parts = content.get("parts")
        if content.get("role") != expected or not parts or not _is_sorted(parts):
            return False
        expected = "model" if expected == "user" else "user"
    return expected == "model" or not contents


def _is_sorted(parts: list[Chunk]) -> bool:
    answers = ["functionResponse" in part for part in parts]
    return not any(later and not earlier for earlier, later in pairwise(answers))


def _responses_first(parts: list[Chunk]) -> list[Chunk]:
    """Return the parts with the functions' answers ahead of what was said after them; the sort is stable."""
    return parts if _is_sorted(parts) else sorted(parts, key=lambda part: "functionResponse" not in part)
