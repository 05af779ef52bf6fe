"""Which client protocol a request speaks: by its path, and where paths collide by what the caller sends along."""

from __future__ import annotations

from msgspec import Struct

from adapters.dialects.anthropic import Anthropic
from adapters.dialects.gemini import Gemini
from adapters.dialects.openai import OpenAIChat
from adapters.dialects.openai_embeddings import OpenAIEmbeddings
from adapters.dialects.openai_images import OpenAIImages
from adapters.dialects.responses import OpenAIResponses
from pipeline.exchange import Request
from pipeline.ports import Dialect


class Dialects(Struct, frozen=True):
    """The client protocols in service."""

    openai_chat: Dialect
    openai_responses: Dialect
    openai_embeddings: Dialect
    openai_images: Dialect
    gemini: Dialect
    anthropic: Dialect

    def choose(self, request: Request) -> Dialect:
        """Return the dialect of a request; one that no dialect knows gets the one its caller most likely reads."""
        named = _BY_PATH.get(request.path)
        if named is not None:
            chosen: Dialect = getattr(self, named)
            return chosen
        if request.method == "GET" and (request.path == "/v1/models" or request.path.startswith("/v1/models/")):
            return self._of_models(request)
        if request.path.startswith(_GEMINI_PREFIXES):
            return self.gemini
        return self._of_models(request)

    def _of_models(self, request: Request) -> Dialect:
        """Three client libraries share `GET /v1/models`; what they send along tells them apart."""
        if request.header(b"anthropic-version"):
            return self.anthropic
        if request.header(b"x-goog-api-key") or "key" in request.query:
            return self.gemini
        return self.openai_chat


_BY_PATH = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/embeddings": "openai_embeddings",
    "/v1/images/generations": "openai_images",
    "/v1/messages": "anthropic",
    "/v1/messages/count_tokens": "anthropic",
}

_GEMINI_PREFIXES = ("/v1beta/", "/v1alpha/", "/v1beta1/", "/v1/models/")


def all_dialects() -> Dialects:
    """Return every client protocol, ready."""
    return Dialects(
        openai_chat=OpenAIChat(),
        openai_responses=OpenAIResponses(),
        openai_embeddings=OpenAIEmbeddings(),
        openai_images=OpenAIImages(),
        gemini=Gemini(),
        anthropic=Anthropic(),
    )
