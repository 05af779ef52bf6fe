"""The paths of Google's methods: built once per model, not once per request."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

METHODS = {
    "generate": "generateContent",
    "count_tokens": "countTokens",
    "embed": "embedContent",
    "batch_embed": "batchEmbedContents",
}
MAX_KNOWN = 1024
"""Model names come from callers: how many paths are remembered before all are forgotten."""


def bare(model: str) -> str:
    """Return a model's name without the `models/` that some callers write before it."""
    return model.removeprefix("models/")


def segment(model: str) -> str:
    """Return a model's name as one path segment, which no name can escape from."""
    return quote(model, safe="-._~@")


def suffix(operation: str, stream: bool) -> str:
    """Return what follows the model in a path: the method, and that a stream is to be events."""
    if stream and operation == "generate":
        return ":streamGenerateContent?alt=sse"
    return f":{METHODS[operation]}"


class Targets:
    """Remembers the path of each (place, model, operation, stream): quoting and joining happen once."""

    __slots__ = ("_build", "_known")

    def __init__(self, build: Callable[[str, str, str, bool], str]) -> None:
        self._build = build
        self._known: dict[tuple[str, str, str, bool], str] = {}

    def of(self, model: str, operation: str, stream: bool, place: str = "") -> str:
        """Return the path; `place` is whatever else it depends on."""
        key = (place, model, operation, stream)
        target = self._known.get(key)
        if target is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            target = self._known[key] = self._build(place, model, operation, stream)
        return target
