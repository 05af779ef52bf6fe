"""The Gemini API: models, generateContent, countTokens and embeddings.

Source: upstream-wire.md §3.
"""

from __future__ import annotations

import base64
import binascii

from adapters.simulator.contents import check_contents
from adapters.simulator.embeddings import embed, embed_batch
from adapters.simulator.fields import read
from adapters.simulator.generation import Generation
from adapters.simulator.messages import Face
from adapters.simulator.models import MODELS, Model, find
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply, json_reply
from adapters.simulator.tokens import prompt_tokens
from adapters.simulator.visit import Visit

_PAGE, _MAX_PAGE = 50, 1000


def list_models(visit: Visit) -> Reply:
    """`GET /v1beta/models`, page by page."""
    visit.require_any()
    extra = [Model(name=name, levels=("LOW", "MEDIUM", "HIGH")) for name in visit.world.scenario.models]
    models = [model for model in (*MODELS.values(), *extra) if model.public and not model.retired]
    start, size = _page(visit)
    body: dict[str, object] = {"models": [model.listing() for model in models[start : start + size]]}
    if start + size < len(models):
        body["nextPageToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return json_reply(body)


def get_model(visit: Visit) -> Reply:
    """`GET /v1beta/models/{model}`."""
    visit.require_any()
    return json_reply(_model(visit).listing())


def call(visit: Visit) -> Reply:
    """`POST /v1beta/models/{model}:{method}`."""
    visit.require_any()
    return answer(visit, _model(visit), "gemini")


def answer(visit: Visit, model: Model, face: Face) -> Reply:
    """Run one method of a model whose caller was let in."""
    method = visit.place["method"]
    if method in ("generateContent", "streamGenerateContent") and not model.embeds:
        return _generate(visit, model, face)
    if method == "countTokens":
        return _count(visit, face)
    if method == "embedContent" and model.embeds:
        request = read(visit.request.body, "EmbedContentRequest", face)
        return json_reply({"embedding": embed(request, model)}, latency=visit.world.scenario.latency)
    if method == "batchEmbedContents" and model.embeds and face == "gemini":
        request = read(visit.request.body, "BatchEmbedContentsRequest", face)
        return json_reply({"embeddings": embed_batch(request, model)}, latency=visit.world.scenario.latency)
    raise not_found(visit)


def not_found(visit: Visit) -> Refusal:
    """404 in the words of the version and method that were called."""
    refusal = Refusal.named("404-model", visit.model)
    body = refusal.body
    if isinstance(body, dict):
        text = body["error"]["message"].replace("v1beta", visit.place.get("version", "v1beta"))
        body["error"]["message"] = text.replace("generateContent", visit.place.get("method", "generateContent"))
    return refusal


def _generate(visit: Visit, model: Model, face: Face) -> Reply:
    request = read(visit.request.body, "GenerateContentRequest", face)
    if request.get("model", visit.model).removeprefix("models/") != visit.model:
        raise Refusal.invalid(f"The model in the body does not match the model in the URL: {visit.model}.")
    number = visit.world.number()
    generation = Generation(face, model, visit.shape, request, visit.fault, f"simulated-{number}")
    return generation.reply(visit.world.scenario)


def _count(visit: Visit, face: Face) -> Reply:
    request = read(visit.request.body, "CountTokensRequest", face)
    inner = request.get("generateContentRequest")
    if inner and "contents" in request:
        raise Refusal.invalid("Only one of contents and generate_content_request may be set.")
    counted = inner or request
    check_contents(counted, "gemini")
    total = prompt_tokens(counted)
    details = [{"modality": "TEXT", "tokenCount": total}]
    return json_reply({"totalTokens": total, "promptTokensDetails": details}, latency=visit.world.scenario.latency)


def _model(visit: Visit) -> Model:
    model = find(visit.model, visit.world.scenario.models)
    if model is None:
        raise not_found(visit)
    if model.retired:
        raise Refusal.named("404-retired", visit.model)
    return model


def _page(visit: Visit) -> tuple[int, int]:
    query = visit.request.query
    try:
        start = int(base64.urlsafe_b64decode(query.get("pageToken", "")) or 0)
        size = int(query.get("pageSize", 0)) or _PAGE
    except (binascii.Error, ValueError) as exc:
        raise Refusal.invalid("Request contains an invalid page token or size.") from exc
    return start, min(size, _MAX_PAGE)
