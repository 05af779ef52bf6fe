"""The Responses dialect: requests, responses and errors as OpenAI's client libraries know them."""

from __future__ import annotations

from adapters.dialects.document import converted, parsed
from adapters.dialects.openai.errors import error_document
from adapters.dialects.refusal import expect, refusal
from adapters.dialects.responses import items
from adapters.dialects.responses.request import payload
from adapters.dialects.responses.stream import ResponseStream
from adapters.dialects.responses.unary import Response
from pipeline.errors import NotFound, ProxyError
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder


class OpenAIResponses:
    """`POST /v1/responses`; nothing is stored, so every request brings its whole input."""

    name = "openai_responses"

    def read(self, request: Request) -> Asked:
        if request.path.rstrip("/") != "/v1/responses":
            raise NotFound(f"There is nothing at {request.path}: responses are not stored.")
        expect("POST", request.method)
        raw = parsed(request.body)
        body = converted(raw, items.Body, "")
        body.model = body.model.removeprefix("models/")
        chunk, echo = payload(body, raw)
        effort = body.reasoning.effort if body.reasoning else None
        return Asked(body.model, chunk, stream=bool(body.stream), echo=echo, effort=effort or "")

    def encoder(self, x: Exchange) -> Encoder:
        return ResponseStream(x, x.asked.echo) if x.stream else Response(x, x.asked.echo)

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        raise NotFound("Models are listed at /v1/models.")

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)
