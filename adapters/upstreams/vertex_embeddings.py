"""Embeddings as Vertex has them: by prediction, and for the newest model by a method of its own."""

from __future__ import annotations

from typing import Any

from pipeline.errors import Refused, Verdict
from pipeline.exchange import Chunk

_PARAMETERS = {"outputDimensionality": "outputDimensionality", "autoTruncate": "autoTruncate"}
_INSTANCE = {"taskType": "task_type", "title": "title"}
_BY_CONTENT = "gemini-embedding-2"


def method_of(model: str) -> str:
    """Return the method that embeds with this model."""
    return "embedContent" if model.startswith(_BY_CONTENT) else "predict"


def embedding_request(payload: Chunk, model: str, operation: str) -> Chunk:
    """Return Vertex's form of an embedContent or batchEmbedContents request.

    Errors: Refused, for another upstream to try, when several inputs go to a model that takes one a call.
    """
    requests: list[Chunk] = payload.get("requests") or [] if operation == "batch_embed" else [payload]
    if method_of(model) == "predict":
        first = requests[0] if requests else {}
        parameters = {name: first[key] for key, name in _PARAMETERS.items() if key in first}
        return {"instances": [_instance(each) for each in requests], "parameters": parameters}
    if len(requests) != 1:
        message = f"On Vertex, {model} embeds one input per call, not {len(requests)}."
        raise Refused(message, verdict=Verdict("request", "rotate"))
    return {key: value for key, value in requests[0].items() if key != "model"}


def embedded(chunk: Chunk) -> Chunk:
    """Return predictions as embeddings in the hub's form; any other answer is returned as it is.

    Shape: a single vector stands in `embedding` and in `embeddings`: which was asked for is not said here. Tokens that
        were counted text by text are the usage of all.
    """
    predictions = chunk.get("predictions")
    if isinstance(predictions, list):
        found = [each.get("embeddings", {}) for each in predictions]
        vectors = [{"values": each.get("values", [])} for each in found]
        chunk = {"embeddings": vectors}
        if tokens := int(sum((each.get("statistics") or {}).get("token_count") or 0 for each in found)):
            chunk["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
        if len(vectors) == 1:
            chunk["embedding"] = vectors[0]
    elif "embedding" in chunk:
        chunk["embeddings"] = [chunk["embedding"]]
    return chunk


def _instance(request: Chunk) -> Chunk:
    parts: list[Any] = (request.get("content") or {}).get("parts") or []
    text = "".join(part["text"] for part in parts if "text" in part)
    return {"content": text, **{name: request[key] for key, name in _INSTANCE.items() if key in request}}
