"""Several chunks of one answer as the single chunk they would have been without streaming."""

from __future__ import annotations

from typing import Any

from pipeline.exchange import Chunk
from pipeline.grounding import joined, united

_LISTED = frozenset({"citationSources", "urlMetadata"})
_PLAIN = frozenset({"text"})
_THOUGHT = frozenset({"text", "thought"})


def gathered(chunks: list[Chunk]) -> Chunk:
    """Join an answer's chunks: text runs on, other parts follow each other, else the last word counts.

    Shape: one chunk comes back as it is. Usage is cumulative upstream, so the last is the whole.
    """
    if len(chunks) == 1:
        return chunks[0]
    whole: Chunk = {}
    candidates: dict[int, Chunk] = {}
    for chunk in chunks:
        for candidate in chunk.get("candidates") or ():
            _join(candidates.setdefault(candidate.get("index", 0), {}), candidate)
        whole.update((key, value) for key, value in chunk.items() if key != "candidates")
    if not candidates:
        return whole
    return {"candidates": [candidates[index] for index in sorted(candidates)], **whole}


def _join(whole: Chunk, candidate: Chunk) -> None:
    for key, value in candidate.items():
        if key == "content":
            content = whole.setdefault("content", {"role": (value or {}).get("role", "model"), "parts": []})
            for part in (value or {}).get("parts") or ():
                _append(content["parts"], part)
        elif isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key] = (joined if key == "groundingMetadata" else _merged)(whole[key], value)
        else:
            whole[key] = value


def _append(parts: list[Chunk], part: Chunk) -> None:
    """Add a part; plain text joins plain text of its kind. A signed part stays whole (upstream-wire §5.2)."""
    last = parts[-1] if parts else None
    keys = part.keys()
    if last is not None and keys == last.keys() and keys in (_PLAIN, _THOUGHT):
        parts[-1] = {**last, "text": last["text"] + part["text"]}
    else:
        parts.append(part)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Metadata that grows over a stream: lists of evidence add up, everything else is replaced."""
    grown = {key: united(old[key], new[key]) for key in _LISTED & old.keys() & new.keys()}
    return {**old, **new, **grown}
