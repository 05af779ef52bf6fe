"""What both forms of a Messages answer say about its end: stop reason and usage."""

from __future__ import annotations

from typing import Any

from adapters.dialects.finish import broken, finish
from pipeline.errors import Broken
from pipeline.exchange import Chunk, Exchange


def parts_of(chunk: Chunk) -> list[dict[str, Any]]:
    """Return the parts of a chunk's first candidate: Messages know no others."""
    for candidate in chunk.get("candidates") or ():
        if not candidate.get("index"):
            return (candidate.get("content") or {}).get("parts") or []
    return []


def stop_reason(x: Exchange, *, answered: bool, called: bool) -> str:
    """Return why the answer ended.

    Errors: Broken when upstream ended it in a way that is no answer.
    """
    reason = x.finish.get(0, "")
    if error_type := broken(reason, answered):
        raise Broken(f"Upstream ended the answer with {reason}.", error_type=error_type)
    return finish(reason, calls=called).anthropic


def usage(counted: Chunk) -> dict[str, int]:
    """Return usage in Anthropic's arithmetic: what came from the cache is no part of the input."""
    cached = counted.get("cachedContentTokenCount", 0)
    prompt = counted.get("promptTokenCount", 0) + counted.get("toolUsePromptTokenCount", 0)
    return {
        "input_tokens": max(prompt - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": counted.get("candidatesTokenCount", 0) + counted.get("thoughtsTokenCount", 0),
    }
