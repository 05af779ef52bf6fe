"""The Gemini-native dialect: paths, bodies, streams and errors as Google's client libraries know them."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.dialects.gemini.encoders import ArrayStream, Document, EventStream
from adapters.dialects.gemini.errors import error_document
from adapters.dialects.gemini.paths import target, unknown_model
from adapters.dialects.gemini.request import payload
from adapters.dialects.refusal import refusal
from pipeline.errors import BadRequest, NotFound, ProxyError
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder

PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


class Gemini:
    """Gemini in, Gemini out: the hub's own form, so that next to nothing happens to it."""

    name = "gemini"

    def read(self, request: Request) -> Asked:
        wanted = target(request.method, request.path)
        if wanted.operation == "model":
            return Asked(model=wanted.model, operation="model")
        if wanted.operation == "models":
            return Asked(operation="models", echo=_page(request.query))
        return Asked(
            model=wanted.model,
            payload=payload(request.body, wanted.operation),
            operation=wanted.operation,
            stream=wanted.stream,
            echo="sse" if wanted.stream and request.query.get("alt") == "sse" else None,
        )

    def encoder(self, x: Exchange) -> Encoder:
        if not x.stream:
            return Document()
        return EventStream() if x.asked.echo == "sse" else ArrayStream()

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        if x.operation == "model":
            return orjson.dumps(_single(x.asked.model, models))
        start, size = x.asked.echo
        listed: dict[str, Any] = {"models": models[start : start + size]}
        if start + size < len(models):
            listed["nextPageToken"] = str(start + size)
        return orjson.dumps(listed)

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)


def _single(model: str, models: list[Chunk]) -> Chunk:
    for each in models:
        if each.get("name") == f"models/{model}":
            return each
    raise NotFound(unknown_model(model))


def _page(query: dict[str, str]) -> tuple[int, int]:
    start = _whole(query, "pageToken", 0)
    size = _whole(query, "pageSize", 0) or PAGE_SIZE
    return start, min(size, MAX_PAGE_SIZE)


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f"{name}: not a page of this list: {text!r}", field=name)
    return int(text)
