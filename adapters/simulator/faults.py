"""What a fault does: to the answer's events, to its frames, or to the connection.

Source: upstream-wire.md §4, §4.5, §9.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec.structs import replace

from adapters.simulator.answers import Answer
from adapters.simulator.events import Context, Event, event, events
from adapters.simulator.framing import Shape, error_frame
from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply
from adapters.simulator.scenario import Chunking, Fault

_DRIP_GAP = 0.001


def scripted(fault: Fault | None, answer: Answer, context: Context) -> list[Event]:
    """The events of an answer, or those that the fault puts in their place."""
    change = _EVENTS.get(fault.effect) if fault else None
    return change(fault, answer, context) if change and fault else events(answer, context)


def _cut_short(fault: Fault, answer: Answer, context: Context) -> list[Event]:
    """Events whose last one lacks a finishReason, since there was more to come."""
    stream = events(answer, context)
    if fault.after_events < len(stream):
        return stream[: fault.after_events]
    for candidate in stream[-1]["candidates"]:
        del candidate["finishReason"]
    return stream


def _blocked(_: Fault, __: Answer, context: Context) -> list[Event]:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "The prompt was blocked."}
    blocked = event(context, [], 0, 0)
    del blocked["candidates"]
    return [{"promptFeedback": feedback, **blocked}]


def _only_thoughts(_: Fault, answer: Answer, context: Context) -> list[Event]:
    eaten = Answer([], "MAX_TOKENS", thoughts=answer.thoughts, thought_tokens=max(answer.thought_tokens, 64))
    return events(eaten, context)


def _malformed(_: Fault, answer: Answer, context: Context) -> list[Event]:
    message = "Malformed function call: print(default_api.made_up(a=1)"
    bad = Answer([], "MALFORMED_FUNCTION_CALL", message, answer.thoughts, answer.thought_tokens)
    return events(bad, context)


def _empty(_: Fault, answer: Answer, context: Context) -> list[Event]:
    return events(Answer([], thought_tokens=answer.thought_tokens), context)


def _texts(fault: Fault, _: Answer, context: Context) -> list[Event]:
    return events(Answer([[{"text": piece}] for piece in fault.pieces]), context)


_EVENTS: dict[str, Callable[[Fault, Answer, Context], list[Event]]] = {
    "eof": _cut_short,
    "blocked_prompt": _blocked,
    "max_tokens_in_thinking": _only_thoughts,
    "malformed_function_call": _malformed,
    "empty_stop": _empty,
    "text": _texts,
    "events": lambda fault, _, __: list(fault.events),
}


def with_error(fault: Fault | None, refusal: Refusal | None, built: list[bytes], shape: Shape) -> list[bytes]:
    """The frames of a stream, with an error among them where the fault asks for one."""
    if fault is None or refusal is None:
        return built
    count = 0 if fault.effect == "first_event_error" else fault.after_events
    frame = error_frame(refusal, fault.framing, shape)
    return [*built[:count], frame if count or shape.sse else b"[" + frame.removeprefix(b",\r\n")]


def afflicted(reply: Reply, fault: Fault) -> Reply:
    """The reply as the fault leaves it: stalled, dripping, cut, reset or half closed."""
    if fault.effect == "drip":
        return replace(reply, chunking=Chunking("fixed", 1, gap=fault.seconds or _DRIP_GAP))
    if fault.effect == "stall":
        return _stalled(reply, fault)
    if fault.effect in ("cut", "reset", "half_close"):
        return _shortened(reply, fault)
    return reply


def _stalled(reply: Reply, fault: Fault) -> Reply:
    seconds = fault.stall_seconds
    if math.isinf(seconds):
        return replace(_shortened(reply, fault), ending="stall")
    return replace(reply, pause=seconds, pause_at=fault.after_events)


def _shortened(reply: Reply, fault: Fault) -> Reply:
    if fault.after_bytes is None:
        kept = reply.frames[: fault.after_events] if reply.streamed else []
    else:
        kept = _first_bytes(reply.frames, fault.after_bytes)
    return replace(reply, frames=kept, length=reply.full_length, ending=fault.effect)


def _first_bytes(frames: list[bytes], count: int) -> list[bytes]:
    kept = []
    for frame in frames:
        if count > 0:
            kept.append(frame[:count])
        count -= len(frame)
    return kept
