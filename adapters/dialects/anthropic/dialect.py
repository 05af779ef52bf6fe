"""The Messages dialect: requests, answers, counts, models and errors as Anthropic's client libraries know them."""

from __future__ import annotations

import orjson

from adapters.dialects.anthropic import messages
from adapters.dialects.anthropic.errors import error_document
from adapters.dialects.anthropic.models import listing, page, single
from adapters.dialects.anthropic.request import payload
from adapters.dialects.anthropic.stream import MessageStream
from adapters.dialects.anthropic.thinking import amount
from adapters.dialects.anthropic.unary import Count, Message
from adapters.dialects.document import decoded
from adapters.dialects.refusal import expect, refusal
from pipeline.errors import NotFound, ProxyError
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder

_MODELS = "/v1/models"


class Anthropic:
    """Messages in, Messages out."""

    name = "anthropic"

    def read(self, request: Request) -> Asked:
        path = request.path.rstrip("/")
        if path == _MODELS or path.startswith(f"{_MODELS}/"):
            expect("GET", request.method)
        if path == _MODELS:
            return Asked(operation="models", echo=page(request.query))
        if path.startswith(f"{_MODELS}/"):
            return Asked(operation="model", model=path.removeprefix(f"{_MODELS}/"))
        if path not in {"/v1/messages", "/v1/messages/count_tokens"}:
            raise NotFound(f"There is nothing at {request.path}.")
        expect("POST", request.method)
        body = decoded(request.body, messages.Body)
        body.model = body.model.removeprefix("models/")
        chunk, echo = payload(body)
        if path.endswith("count_tokens"):
            return Asked(body.model, {"generateContentRequest": chunk}, "count_tokens", echo=echo)
        effort = body.output_config.effort if body.output_config else None
        return Asked(body.model, chunk, stream=bool(body.stream), echo=echo, effort=amount(body.thinking, effort))

    def encoder(self, x: Exchange) -> Encoder:
        if x.operation == "count_tokens":
            return Count()
        return MessageStream(x, x.asked.echo) if x.stream else Message(x, x.asked.echo)

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        if x.operation == "model":
            return orjson.dumps(single(x.asked.model, models))
        return orjson.dumps(listing(x.asked.echo, models))

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)
