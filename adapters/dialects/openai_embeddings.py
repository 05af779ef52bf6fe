"""OpenAI's embeddings: up to 2048 texts in, as few upstream calls as that takes, vectors out as numbers or base64.

Source: OpenAI API reference, embeddings; the openai libraries ask for base64 unless told otherwise.
"""

import struct
from base64 import b64encode
from typing import Any, Literal

import orjson
from msgspec import Struct

from adapters.dialects.document import decoded
from adapters.dialects.openai.errors import error_document
from adapters.dialects.refusal import JSON, expect, refusal
from pipeline.errors import BadRequest, Broken, NotFound, ProxyError
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder

_MOST = 2048

_BATCH = 100
"""What one call upstream takes. Source: batchEmbedContents, "at most 100 requests can be in one batch"."""


class Body(Struct):
    """A request for embeddings; `task_type` and `output_dimensionality` are Google's own, as some clients send them."""

    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    task_type: str | None = None
    output_dimensionality: int | None = None


class OpenAIEmbeddings:
    """`POST /v1/embeddings`."""

    name = "openai_embeddings"

    def read(self, request: Request) -> Asked:
        if request.path.rstrip("/") != "/v1/embeddings":
            raise NotFound(f"There is nothing at {request.path}.")
        expect("POST", request.method)
        body = decoded(request.body, Body)
        common: dict[str, Any] = {
            "taskType": body.task_type,
            "outputDimensionality": body.dimensions or body.output_dimensionality,
        }
        common = {name: value for name, value in common.items() if value is not None}
        model = body.model.removeprefix("models/")
        requests = [
            {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **common}
            for text in _texts(body.input)
        ]
        base64 = body.encoding_format == "base64"
        calls = _batches if len(requests) > _BATCH else None
        return Asked(model, {"requests": requests}, "batch_embed", calls=calls, echo=base64)

    def encoder(self, x: Exchange) -> Encoder:
        return Vectors(x, base64=x.asked.echo)

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        raise NotFound("Models are listed at /v1/models.")

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)


class Vectors:
    """The list of embeddings in the order of the texts."""

    headers = JSON
    heartbeat = b"\n"
    transparent = False

    def __init__(self, x: Exchange, *, base64: bool) -> None:
        self._x = x
        self._base64 = base64
        self._vectors: list[list[float]] = []

    def encode(self, chunk: Chunk) -> bytes:
        self._vectors += [each.get("values") or [] for each in chunk.get("embeddings") or ()]
        return b""

    def finish(self) -> bytes:
        if len(self._vectors) != len(self._x.asked.payload["requests"]):
            raise Broken("Upstream did not return one embedding for each text.", error_type="provider_malformed")
        tokens = self._x.usage.get("promptTokenCount") or self._x.usage.get("totalTokenCount") or 0
        data = [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if self._base64 else vector}
            for index, vector in enumerate(self._vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return orjson.dumps({"object": "list", "data": data, "model": self._x.named, "usage": usage})

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))


def _texts(given: str | list[Any]) -> list[str]:
    """The texts of an input. Errors: BadRequest for tokens: they are of a vocabulary that Google's models lack."""
    texts = [given] if isinstance(given, str) else given
    if not texts:
        raise BadRequest("input: there is nothing to embed", field="input")
    if len(texts) > _MOST and not isinstance(texts[0], int):
        raise BadRequest(f"input: expected {_MOST} texts at most, got {len(texts)}", field="input")
    for number, text in enumerate(texts):
        if isinstance(text, int | list):
            raise BadRequest("input: send texts; token ids mean nothing to this model", field="input")
        if not isinstance(text, str):
            raise BadRequest(f"input[{number}]: expected a string", field=f"input[{number}]")
    return texts


def _batches(payload: Chunk) -> list[Chunk]:
    requests = payload["requests"]
    return [{**payload, "requests": requests[start : start + _BATCH]} for start in range(0, len(requests), _BATCH)]


def _packed(vector: list[float]) -> str:
    """Little-endian 32-bit floats, as the openai libraries unpack them."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
