"""The Gemini API of Google AI Studio, with API keys."""

from __future__ import annotations

from typing import Any

from adapters.endpoints import GOOGLE, Endpoints
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.google import KeyUpstream
from adapters.upstreams.targets import segment, suffix
from adapters.upstreams.verdicts import TABLE, Table
from pipeline.exchange import Chunk
from pipeline.ports import Clock

_CONTENTS_ONLY = {"contents"}


class GeminiApi(KeyUpstream):
    """Calls `/v1beta/models/{model}:{method}`, the superset of the versions."""

    name = "gemini_api"

    def __init__(self, agent: UserAgent, clock: Clock, endpoints: Endpoints = GOOGLE, *, table: Table = TABLE) -> None:
        super().__init__(agent, clock, endpoints.gemini_api, table)

    def _target(self, place: str, model: str, operation: str, stream: bool) -> str:
        del place
        kind, slash, name = model.partition("/")
        path = f"tunedModels/{segment(name)}" if slash and kind == "tunedModels" else f"models/{segment(model)}"
        return f"{self._base}/v1beta/{path}{suffix(operation, stream)}"

    def _rewritten(self, payload: Chunk, model: str, operation: str) -> Chunk:
        return addressed(payload, model, operation)


def addressed(payload: Chunk, model: str, operation: str) -> Chunk:
    """Return the payload with the model named where this API wants it, and nowhere else.

    Source: a body's model must agree with the path's; countTokens takes contents or a whole request.
    """
    if operation == "batch_embed":
        requests = [{**each, "model": f"models/{model}"} for each in payload.get("requests", ())]
        return {**payload, "requests": requests}
    if operation == "count_tokens":
        return _counted(payload, model)
    if "model" in payload:
        return {key: value for key, value in payload.items() if key != "model"}
    return payload


def _counted(payload: Chunk, model: str) -> Chunk:
    request: dict[str, Any] = payload.get("generateContentRequest") or payload
    if request is payload and payload.keys() <= _CONTENTS_ONLY:
        return payload
    return {"generateContentRequest": {**request, "model": f"models/{model}"}}
