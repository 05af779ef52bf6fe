"""The models that are served, as OpenAI lists them."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.errors import NotFound
from pipeline.exchange import Chunk


def listed(models: list[Chunk]) -> bytes:
    """Return the list of all models."""
    return orjson.dumps({"object": "list", "data": [_model(each) for each in models]})


def single(models: list[Chunk], name: str) -> bytes:
    """Return one model. Errors: NotFound when it is not served."""
    for each in models:
        if _id(each) == name:
            return orjson.dumps(_model(each))
    raise NotFound(f"The model {name!r} does not exist or you do not have access to it.", field="model")


def _id(model: Chunk) -> str:
    name: str = model.get("name") or ""
    return name.removeprefix("models/")


def _model(model: Chunk) -> dict[str, Any]:
    # Google does not say when a model was made; client libraries require a number.
    return {"id": _id(model), "object": "model", "created": 0, "owned_by": "google"}
