"""The Gemini API of Google AI Studio, with API keys."""

from __future__ import annotations

from typing import Any, Final

import orjson

from adapters.endpoints import GOOGLE, Endpoints, split_base
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.decoder import decoder, same
from adapters.upstreams.targets import METHODS, Targets, bare, segment, suffix
from adapters.upstreams.verdicts import TABLE, Table, classify
from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange, Headers
from pipeline.ports import Call, Clock, Decoder, Lease

JSON: Final = (b"content-type", b"application/json")
_CONTENTS_ONLY = {"contents"}


class GeminiApi:
    """Calls `/v1beta/models/{model}:{method}`, the superset of the versions, with the key in a header only.

    Source: a key in the query together with one in a header is refused with 400, and ends up in logs.
    """

    name = "gemini_api"
    transparent = True
    operations = frozenset(METHODS)

    def __init__(self, agent: UserAgent, clock: Clock, endpoints: Endpoints = GOOGLE, *, table: Table = TABLE) -> None:
        self._agent = agent
        self._clock = clock
        self._table = table
        self._origin, self._base = split_base(endpoints.gemini_api)
        self._targets = Targets(self._target)

    async def call(self, lease: Lease, x: Exchange, payload: Chunk, stream: bool) -> Call:
        """Build the request."""
        model = bare(x.model)
        headers = [
            JSON,
            (b"x-goog-api-key", lease.credential.api_key.encode()),
            (b"user-agent", self._agent(model)),
        ]
        target = self._targets.of(model, x.operation, stream)
        body = orjson.dumps(addressed(payload, model, x.operation))
        return Call(self._origin, target, headers, body, stream=stream)

    def decoder(self, stream: bool) -> Decoder:
        """Return a decoder: the bytes are the hub's own form."""
        return decoder(stream, self.name, self._clock, same, self._table)

    def refusal(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Translate an error answer."""
        return classify(status, headers, body, self._clock.now(), self.name, self._table)

    async def refresh(self, lease: Lease) -> bool:
        """Return False: a key has nothing to refresh."""
        del lease
        return False

    def _target(self, place: str, model: str, operation: str, stream: bool) -> str:
        del place
        kind, slash, name = model.partition("/")
        path = f"tunedModels/{segment(name)}" if slash and kind == "tunedModels" else f"models/{segment(model)}"
        return f"{self._base}/v1beta/{path}{suffix(operation, stream)}"


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
