"""Vectors for texts: the same text always lies in the same place.

Source: upstream-wire.md §3.7.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

from adapters.simulator.contents import check_parts
from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal

_FULL = 3072
_BATCH = 100


def embed(request: dict[str, Any], model: Model) -> dict[str, Any]:
    """The embedding of one content."""
    content = request.get("content", {})
    check_parts(content, "EmbedContentRequest.content")
    size = request.get("outputDimensionality", _FULL)
    if not 1 <= size <= _FULL:
        raise Refusal.invalid(f"* EmbedContentRequest.output_dimensionality: must be between 1 and {_FULL}.\n")
    text = "".join(part.get("text", "") for part in content["parts"])
    return {"values": _vector(f"{model.name}\0{text}", size)}


def embed_batch(request: dict[str, Any], model: Model) -> list[dict[str, Any]]:
    """The embeddings of several contents, in order."""
    requests = request.get("requests", [])
    if not 1 <= len(requests) <= _BATCH:
        raise Refusal.invalid(f"* BatchEmbedContentsRequest.requests: at most {_BATCH} requests can be in one batch\n")
    for number, item in enumerate(requests):
        if item.get("model", "").removeprefix("models/") != model.name:
            raise Refusal.invalid(
                f"* BatchEmbedContentsRequest.requests[{number}].model: must match the model in the URL\n"
            )
    return [embed(item, model) for item in requests]


def _vector(text: str, size: int) -> list[float]:
    """Numbers from a hash; of length one at full size only, as Google's are."""
    raw = hashlib.shake_256(text.encode()).digest(2 * _FULL)
    values = [number / 32768 for number in struct.unpack(f"<{_FULL}h", raw)]
    norm = math.sqrt(sum(value * value for value in values))
    return [round(value / norm, 8) for value in values[:size]]
