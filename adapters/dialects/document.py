"""A request's JSON body: parsed once, or refused in words that name the place."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import orjson

from pipeline.errors import BadRequest

T = TypeVar("T")

# Google's own parser (protobuf's JSON) stops at 100, and orjson would not write more than 254 levels again.
MAX_DEPTH = 100

_PLACE = re.compile(r" - at `(?:key in )?\$?\.?(.*?)`$")
_MISSING = re.compile(r"^Object missing required field `(.+)`$")


def parsed(body: bytes) -> Any:
    """Return the body as JSON, whatever its content type said.

    Errors: BadRequest for an empty body, invalid JSON or UTF-8, and nesting nobody means.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadRequest(_complaint(body, exc)) from None
    # PERF: counting brackets is a memchr; the walk is for bodies that could be deep at all.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise BadRequest(f"The JSON body is nested more than {MAX_DEPTH} levels deep.")
    return value


def decoded(body: bytes, form: type[T]) -> T:
    """Return the body as that Struct.

    Errors: BadRequest as `parsed`, and with `field` for a value that does not fit.
    """
    return converted(parsed(body), form)


def object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is, or None when it is anything else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = parsed(text.encode())
    except (BadRequest, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) else None


def converted(value: Any, form: type[T], under: str = "") -> T:
    """Return a body, or the piece of it whose place is `under`, as that Struct. Errors: BadRequest with `field`."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as exc:
        raise misfit(exc, under) from None


def misfit(exc: msgspec.ValidationError, under: str = "") -> BadRequest:
    """Return what to tell a caller whose value has the wrong type or is missing.

    Shape: `under` is the path of the value that was converted, where it was not the whole body.
    """
    text = str(exc)
    place = _PLACE.search(text)
    field = place[1] if place else ""
    what = text[: place.start()] if place else text
    missing = _MISSING.match(what)
    steps = [step for step in (under, field, missing[1] if missing else "") if step]
    field = ".".join(steps).replace(".[", "[")
    what = "required, but missing" if missing else what
    return BadRequest(f"{field}: {what}" if field else what, field=field or None)


def _complaint(body: bytes, exc: orjson.JSONDecodeError) -> str:
    if not body.strip():
        return "The request has no body; a JSON object is due."
    try:
        body.decode()
    except UnicodeDecodeError as bad:
        return f"The request body is not valid UTF-8 at byte {bad.start}."
    return f"The request body is not valid JSON: {exc}"


def _deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists stand in each other more than that many levels deep; no recursion."""
    layer = [value]
    for _ in range(levels):
        layer = [
            child
            for each in layer
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not layer:
            return False
    return any(isinstance(each, dict | list) for each in layer)
