"""A response in one document."""

from __future__ import annotations

import orjson

from adapters.dialects.openai.errors import error_document
from adapters.dialects.refusal import JSON
from adapters.dialects.responses.answer import Answer
from adapters.dialects.responses.request import Echo
from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Exchange


class Response:
    """Gathers the items of one response."""

    headers = JSON
    heartbeat = b"\n"
    transparent = False

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self._answer = Answer(x, echo)

    def encode(self, chunk: Chunk) -> bytes:
        for _ in self._answer.output.take(chunk):
            pass
        return b""

    def finish(self) -> bytes:
        status = self._answer.status()
        for _ in self._answer.output.close(status):
            pass
        return orjson.dumps(self._answer.ended(status))

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))
