"""Token counts in OpenAI's sense: the prompt includes what was cached, the completion includes what was thought."""

from __future__ import annotations

from typing import Any

from pipeline.exchange import Chunk


def usage(metadata: Chunk) -> dict[str, Any]:
    """Return OpenAI's usage for a usageMetadata (cumulative upstream: the last one is the whole).

    Units: tokens.
    """
    thoughts = metadata.get("thoughtsTokenCount") or 0
    prompt = (metadata.get("promptTokenCount") or 0) + (metadata.get("toolUsePromptTokenCount") or 0)
    completion = (metadata.get("candidatesTokenCount") or 0) + thoughts
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": metadata.get("totalTokenCount") or prompt + completion,
        "prompt_tokens_details": {"cached_tokens": metadata.get("cachedContentTokenCount") or 0},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }
