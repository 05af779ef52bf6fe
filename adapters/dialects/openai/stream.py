"""A streamed chat completion: chunks that every client library puts together to the same answer.

Source: measured with the OpenAI libraries for Python (3.52) and JavaScript: the role once, indices of calls contiguous
over the whole answer, one finish chunk per choice, the usage chunk last.
"""

from __future__ import annotations

import time

import orjson

from adapters.dialects.line import line
from adapters.dialects.openai.choice import Choice, Delta
from adapters.dialects.openai.echo import Echo
from adapters.dialects.openai.errors import error_document
from adapters.dialects.openai.logprobs import logprobs
from adapters.dialects.openai.usage import usage
from adapters.dialects.sse import EVENT_STREAM
from pipeline.errors import Broken, ProxyError
from pipeline.exchange import Chunk, Exchange

# What a candidate may hold without saying more than its parts do.
_PLAIN = frozenset({"content", "index", "safetyRatings", "role"})
_DONE = b"data: [DONE]\n\n"


class ChunkStream:
    """Server-sent events of `chat.completion.chunk`."""

    headers = EVENT_STREAM
    heartbeat = b": keep-alive\n\n"
    transparent = False

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self._x = x
        self._echo = echo
        self._grounded = grounded(x)
        self._choices: dict[int, tuple[Choice, bytes, bytes]] = {}
        head = {
            "id": f"chatcmpl-{x.id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": x.named,
        }
        self._head = b"data: " + line(head)[:-1]
        self._null_usage = b',"usage":null}\n\n' if echo.include_usage else b"}\n\n"
        self._tail = b'},"finish_reason":null}]' + self._null_usage

    def encode(self, chunk: Chunk) -> bytes:
        candidates = chunk.get("candidates")
        if not candidates:
            return self._blocked(chunk)
        if len(candidates) == 1:
            candidate = candidates[0]
            known = self._choices.get(candidate.get("index", 0))
            if known and candidate.keys() <= _PLAIN:
                return self._text(known, candidate)
        return b"".join([self._candidate(each) for each in candidates])

    def finish(self) -> bytes:
        if not self._choices:
            raise Broken("Upstream answered nothing.", error_type="provider_empty")
        ends = [
            self._event(choice.index, choice.closing(), reason=choice.finish_reason())
            for choice, _, _ in self._choices.values()
        ]
        if self._echo.include_usage:
            ends.append(self._head + b',"choices":[],"usage":' + orjson.dumps(usage(self._x.usage)) + b"}\n\n")
        return b"".join([*ends, _DONE])

    def error_event(self, exc: ProxyError) -> bytes:
        return b"data: " + line(error_document(exc)) + b"\n\n"

    def _text(self, known: tuple[Choice, bytes, bytes], candidate: Chunk) -> bytes:
        """The common event: one more piece of text or of thought.

        PERF: no dict is built and nothing but the text is encoded; see benchmarks for CPU per streamed event.
        """
        choice, said, thought = known
        content = candidate.get("content") or {}
        parts = content.get("parts")
        if parts and len(parts) == 1:
            part = parts[0]
            text = part.get("text")
            if text and len(part) == 1:
                choice.answered = True
                if choice.text is not None:
                    choice.text.append(text)
                return said + line(text) + self._tail
            if text and len(part) == 2 and part.get("thought") is True:
                return thought + line(text) + self._tail
        return self._candidate(candidate)

    def _candidate(self, candidate: Chunk) -> bytes:
        """Any other event."""
        index = candidate.get("index", 0)
        first = b"" if index in self._choices else self._begin(index)
        choice = self._choices[index][0]
        events = [first, *(self._event(index, delta) for delta in choice.deltas(candidate))]
        if result := candidate.get("logprobsResult"):
            events.append(self._event(index, {}, probabilities=line(logprobs(result))))
        return b"".join(events)

    def _blocked(self, chunk: Chunk) -> bytes:
        feedback = chunk.get("promptFeedback") or {}
        if not feedback.get("blockReason"):
            return b""
        first = b"" if 0 in self._choices else self._begin(0)
        self._choices[0][0].block(feedback)
        return first

    def _begin(self, index: int) -> bytes:
        opening = self._head + b',"choices":[{"index":%d,"delta":{' % index
        choice = Choice(index, self._echo, self._grounded)
        self._choices[index] = choice, opening + b'"content":', opening + b'"reasoning_content":'
        return self._event(index, {"role": "assistant", "content": ""}, probabilities=b"null")

    def _event(self, index: int, delta: Delta, reason: str = "", probabilities: bytes = b"") -> bytes:
        return b"".join(
            (
                self._head,
                b',"choices":[{"index":%d,"delta":' % index,
                line(delta),
                b',"logprobs":' + probabilities if probabilities else b"",
                b',"finish_reason":' + (orjson.dumps(reason) if reason else b"null"),
                b"}]",
                self._null_usage,
            )
        )


def grounded(x: Exchange) -> bool:
    """Whether one of Google's own tools is on, or may be, in what is cached: then the answer may come with sources."""
    return "cachedContent" in x.payload or any(
        tool.keys() - {"functionDeclarations"} for tool in x.payload.get("tools") or ()
    )
