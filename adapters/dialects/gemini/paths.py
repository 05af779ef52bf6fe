"""Which model and method a Gemini URL means."""

from __future__ import annotations

import re

from msgspec import Struct

from adapters.dialects.refusal import expect
from pipeline.errors import NotFound

OPERATIONS = {
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "count_tokens",
    "embedContent": "embed",
    "batchEmbedContents": "batch_embed",
}

# The model may hold slashes (`流式抗截断/gemini-…`, `tunedModels/x`); the method follows its last colon.
_CALL = re.compile(r"/(v1beta|v1|v1alpha)/(?:models/)?(.+?)(?::|%3[Aa])([A-Za-z]+)$")
_MODELS = re.compile(r"/(v1beta|v1|v1alpha)/models(?:/(.+?))?/?$")


class Target(Struct, frozen=True):
    """What a URL asks for; `model` is bare (no `models/`), empty for the list of models."""

    version: str
    operation: str
    model: str = ""
    stream: bool = False


def target(method: str, path: str) -> Target:
    """Return what that path means.

    Errors: NotFound for a path or method of no meaning here, MethodNotAllowed for the wrong HTTP method.
    """
    call = _CALL.match(path)
    if call:
        version, model, name = call.groups()
        if name not in OPERATIONS:
            raise NotFound(unknown_model(model, version, name))
        expect("POST", method)
        return Target(version, OPERATIONS[name], model, stream=name == "streamGenerateContent")
    models = _MODELS.match(path)
    if not models:
        raise NotFound(f"There is nothing at {path}.")
    expect("GET", method)
    version, model = models.groups()
    return Target(version, "model", model) if model else Target(version, "models")


def unknown_model(model: str, version: str = "v1beta", method: str = "") -> str:
    """Say, in Google's own words, that a model is not there or does not do that."""
    unfit = f", or is not supported for {method}" if method else ""
    return (
        f"models/{model} is not found for API version {version}{unfit}. "
        "Call ListModels to see the list of available models and their supported methods."
    )
