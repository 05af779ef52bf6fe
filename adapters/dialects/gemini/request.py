"""A Gemini request as the hub's payload: Google's names in one spelling, everything unknown as it came."""

from __future__ import annotations

from typing import Any

from adapters.dialects.document import parsed
from adapters.dialects.gemini.fields import BATCH, COUNT, EMBED, REQUEST, Message, Misplaced, normalise
from pipeline.errors import BadRequest
from pipeline.exchange import Chunk

_FORMS = {"generate": REQUEST, "count_tokens": COUNT, "embed": EMBED, "batch_embed": BATCH}


def payload(body: bytes, operation: str) -> Chunk:
    """Return the payload of that operation.

    Errors: BadRequest with the place of what is missing or has the wrong type.
    """
    return understood(parsed(body), operation)


def understood(request: Any, operation: str) -> Chunk:
    """Return a parsed body as that operation's payload; edits it in place. Errors: as `payload`."""
    try:
        chunk = _normalised(request, _FORMS[operation])
    except Misplaced as exc:
        raise exc.refusal() from None
    # The path names the model; a body that repeats it would contradict a model that a stage has resolved.
    chunk.pop("model", None)
    _require(chunk, operation)
    return chunk


def _normalised(request: Any, form: Message) -> Chunk:
    if type(request) is dict:
        for key in ("systemInstruction", "system_instruction"):
            if isinstance(request.get(key), str):
                request[key] = {"parts": [{"text": request[key]}]}
    chunk = normalise(request, form)
    for content in chunk.get("contents") or ():
        content.setdefault("role", "user")
    return chunk


def _require(request: Chunk, operation: str) -> None:
    if operation == "embed":
        due = "content"
    elif operation == "batch_embed":
        due = "requests"
    elif "generateContentRequest" in request:
        return
    else:
        due = "contents"
    if not request.get(due):
        raise BadRequest(f"{due}: required, but missing or empty", field=due)
