"""A chat completion request becomes a Gemini request."""

from __future__ import annotations

from typing import Any

from adapters.dialects.document import converted, parsed
from adapters.dialects.gemini.request import understood
from adapters.dialects.openai import options, request
from adapters.dialects.openai.conversation import Conversation
from adapters.dialects.openai.echo import Echo
from adapters.dialects.openai.tools import Tools
from pipeline.errors import BadRequest
from pipeline.exchange import Asked, Chunk


def read(document: bytes) -> Asked:
    """Understand a request's body.

    Shape: `echo` is an `Echo`. A body with `contents` and no `messages` is Gemini's own, here answered in OpenAI form.
    Errors: BadRequest with the place of what is missing, has the wrong type or contradicts itself.
    """
    body = parsed(document)
    if isinstance(body, dict) and "contents" in body and "messages" not in body:
        return _gemini(body)
    return _chat(converted(body, request.Body))


def _chat(body: request.Body) -> Asked:
    model = _named(body.model)
    tools = Tools(body)
    conversation = Conversation(model, tools.names)
    conversation.read(body.messages)
    payload: Chunk = {"contents": conversation.contents}
    if conversation.system:
        payload["systemInstruction"] = {"parts": [{"text": "\n\n".join(conversation.system)}]}
    tools.fill(payload)
    options.fill(payload, body)
    echo = Echo(
        names=tools.names.renamed(),
        custom=tools.custom,
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        legacy=body.functions is not None,
        fetch=conversation.fetch,
        audio=body.audio.format if body.audio else "wav",
    )
    effort = body.reasoning_effort or ""
    return Asked(model=model, payload=payload, stream=bool(body.stream), echo=echo, effort=effort)


def _gemini(body: dict[str, Any]) -> Asked:
    """A Gemini body: what is OpenAI's in it (the model, streaming) is taken out, the rest passes."""
    model, stream, options = (body.pop(key, None) for key in ("model", "stream", "stream_options"))
    if not isinstance(model, str):
        raise BadRequest("model: required, but missing", field="model")
    usage = isinstance(options, dict) and options.get("include_usage") is True
    echo = Echo(include_usage=usage)
    return Asked(model=_named(model), payload=understood(body, "generate"), stream=stream is True, echo=echo)


def _named(model: str) -> str:
    """The model without the collection's name, with which Google's own list has it."""
    name = model.removeprefix("models/")
    if not name:
        raise BadRequest("model: required, but empty", field="model")
    return name
