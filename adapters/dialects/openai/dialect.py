"""The OpenAI dialect: chat completions and the list of models."""

from __future__ import annotations

import re

from adapters.dialects.openai.completion import Completion
from adapters.dialects.openai.echo import Echo
from adapters.dialects.openai.errors import error_document
from adapters.dialects.openai.models import listed, single
from adapters.dialects.openai.reading import read
from adapters.dialects.openai.stream import ChunkStream
from adapters.dialects.refusal import expect, refusal
from pipeline.errors import NotFound, ProxyError
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder

_COMPLETIONS = re.compile(r"(/v\d\w*)?/chat/completions/?")
_MODELS = re.compile(r"(/v\d\w*)?/models(/(?P<model>.*))?")


class OpenAIChat:
    """OpenAI's chat completions in and out, over Gemini.

    Shape: `Asked.echo` is an `Echo`; its `fetch` lists the addresses that a later stage must fetch or refuse.
    """

    name = "openai_chat"

    def read(self, request: Request) -> Asked:
        if _COMPLETIONS.fullmatch(request.path):
            expect("POST", request.method)
            return read(request.body)
        found = _MODELS.fullmatch(request.path)
        if found is None:
            raise NotFound(f"There is nothing at {request.path}.")
        expect("GET", request.method)
        model = found["model"]
        return Asked(model=model.removeprefix("models/"), operation="model") if model else Asked(operation="models")

    def encoder(self, x: Exchange) -> Encoder:
        echo = x.asked.echo if isinstance(x.asked.echo, Echo) else Echo()
        return ChunkStream(x, echo) if x.stream else Completion(x, echo)

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        return single(models, x.asked.model) if x.operation == "model" else listed(models)

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)
