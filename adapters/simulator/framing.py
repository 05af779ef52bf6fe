"""The bytes of an answer: SSE, a JSON array sent piecemeal, or one object; with Code Assist's envelope or without.

Source: upstream-wire.md §2.4, §3.5, §4.5.
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import Struct

from adapters.simulator.events import Event
from adapters.simulator.refusal import Envelope, Refusal
from adapters.simulator.scenario import Framing

SSE = ("content-type", "text/event-stream")


class Shape(Struct, frozen=True):
    """How the caller wants its answer: streamed, as SSE, and in which face's envelope."""

    stream: bool
    sse: bool
    wrapped: bool

    @property
    def envelope(self) -> Envelope:
        """The envelope of an error before the first byte."""
        if self.wrapped:
            return "code_assist_array" if self.stream else "code_assist"
        return "array" if self.stream and not self.sse else "public"


def frames(stream: list[Event], shape: Shape) -> list[bytes]:
    """One frame of bytes per event."""
    bodies = [_wrapped(event) if shape.wrapped else event for event in stream]
    if shape.sse:
        return [_sse(body) for body in bodies]
    if not bodies:
        return [b"[]"]
    pretty = [orjson.dumps(body, option=orjson.OPT_INDENT_2) for body in bodies]
    head = [b"[" + pretty[0], *(b"\n,\r\n" + body for body in pretty[1:])]
    return [*head[:-1], head[-1] + b"\n]"]


def error_frame(refusal: Refusal, framing: Framing, shape: Shape) -> bytes:
    """An error in the middle of a stream, in one of the three ways it has been seen."""
    body = refusal.wrapped()
    if framing == "data" and shape.sse:
        return _sse(body)
    text = orjson.dumps([body] if framing == "array" else body, option=orjson.OPT_INDENT_2)
    return text + b"\n" if shape.sse else b",\r\n" + text + b"\n]"


def unary(event: Event, shape: Shape) -> Any:
    """The JSON body of a unary answer."""
    return _wrapped(event) if shape.wrapped else event


def _wrapped(event: Event) -> dict[str, Any]:
    return {"response": event, "traceId": event.get("responseId", "")}


def _sse(body: Any) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\r\n\r\n"
