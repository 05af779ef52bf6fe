"""Vertex AI: express mode with a key, or a project with a token.

Source: upstream-wire.md §3.1.
"""

from __future__ import annotations

from typing import Any

from adapters.simulator import gemini_api
from adapters.simulator.embeddings import embed
from adapters.simulator.models import Model, find
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply, json_reply
from adapters.simulator.visit import Visit


def express(visit: Visit) -> Reply:
    """`POST /v1beta1/publishers/google/models/{model}:{method}`."""
    visit.require_any()
    return _answer(visit)


def project(visit: Visit) -> Reply:
    """`POST /v1/projects/{project}/locations/{location}/publishers/google/models/{model}:{method}`."""
    caller = visit.require_bearer()
    if caller.account is None or not visit.world.owns(caller.account, visit.project):
        raise Refusal.named("403-iam", visit.model, visit.project)
    return _answer(visit)


def _answer(visit: Visit) -> Reply:
    model = _model(visit)
    if visit.place["method"] == "predict":
        return _predict(visit, model)
    return gemini_api.answer(visit, model, "vertex")


def _predict(visit: Visit, model: Model) -> Reply:
    """Embeddings, which on Vertex go by `:predict`."""
    instances: list[dict[str, Any]] = (visit.body or {}).get("instances", [])
    if not model.embeds or not instances:
        raise Refusal.named("404")
    size = (visit.body.get("parameters") or {}).get("outputDimensionality", 3072)
    predictions = []
    for instance in instances:
        text = str(instance.get("content", ""))
        vector = embed({"content": {"parts": [{"text": text}]}, "outputDimensionality": size}, model)
        counts = {"truncated": False, "token_count": -(-len(text) // 4)}
        predictions.append({"embeddings": {"statistics": counts, **vector}})
    return json_reply({"predictions": predictions})


def _model(visit: Visit) -> Model:
    model = find(visit.model, visit.world.scenario.models)
    if model is None or model.retired:
        message = (
            f"Publisher Model `publishers/google/models/{visit.model}` was not found or your project does not have"
            " access to it. Please ensure you are using a valid model version."
        )
        raise Refusal(404, {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}})
    return model
