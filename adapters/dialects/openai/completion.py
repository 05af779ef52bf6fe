"""A whole chat completion."""

from __future__ import annotations

import time
from typing import Any

import orjson

from adapters.dialects.gather import gathered
from adapters.dialects.openai.choice import Choice, Delta
from adapters.dialects.openai.echo import Echo
from adapters.dialects.openai.errors import error_document
from adapters.dialects.openai.logprobs import logprobs
from adapters.dialects.openai.usage import usage
from adapters.dialects.refusal import JSON
from pipeline.errors import Broken, ProxyError
from pipeline.exchange import Chunk, Exchange


class Completion:
    """One document; several chunks, where a source made them, are joined."""

    headers = JSON
    heartbeat = b"\n"
    transparent = False

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self._x = x
        self._echo = echo
        self._chunks: list[Chunk] = []

    def encode(self, chunk: Chunk) -> bytes:
        self._chunks.append(chunk)
        return b""

    def finish(self) -> bytes:
        x, chunk = self._x, gathered(self._chunks)
        candidates = chunk.get("candidates") or ()
        choices = [self._choice(candidate) for candidate in candidates] or [self._blocked(chunk)]
        return orjson.dumps(
            {
                "id": f"chatcmpl-{x.id}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": x.named,
                "system_fingerprint": None,
                "choices": choices,
                "usage": usage(x.usage),
            }
        )

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))

    def _choice(self, candidate: Chunk) -> dict[str, Any]:
        choice = Choice(candidate.get("index", 0), self._echo, "groundingMetadata" in candidate)
        deltas = list(choice.deltas(candidate))
        result = candidate.get("logprobsResult")
        return _document(choice, deltas, logprobs(result) if result else None)

    def _blocked(self, chunk: Chunk) -> dict[str, Any]:
        feedback = chunk.get("promptFeedback") or {}
        if not feedback.get("blockReason"):
            raise Broken("Upstream answered nothing.", error_type="provider_empty")
        choice = Choice(0, self._echo, grounded=False)
        choice.block(feedback)
        return _document(choice, [], None)


def _document(choice: Choice, deltas: list[Delta], probabilities: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "index": choice.index,
        "message": _message(choice, deltas),
        "logprobs": probabilities,
        "finish_reason": choice.finish_reason(),
    }


def _message(choice: Choice, deltas: list[Delta]) -> dict[str, Any]:
    """The message that a client would have put together from these deltas."""
    content = "".join([delta["content"] for delta in deltas if "content" in delta])
    thoughts = "".join([delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta])
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    legacy = next((delta["function_call"] for delta in deltas if "function_call" in delta), None)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content if content or not (calls or legacy or choice.voice) else None,
        "refusal": None,
        **choice.closing(),
    }
    if thoughts:
        message["reasoning_content"] = thoughts
    if choice.voice:
        message["audio"] = choice.voice.whole()
    if calls:
        message["tool_calls"] = _unnumbered(calls)
    if legacy:
        message["function_call"] = legacy
    if "annotations" in message:
        message["annotations"] = _unnumbered(message["annotations"])
    return message


def _unnumbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List items without the index that only a stream needs."""
    return [{key: value for key, value in item.items() if key != "index"} for item in items]
