"""A Responses stream: typed, numbered events from `response.created` to exactly one end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.dialects.line import line
from adapters.dialects.responses.answer import Answer
from adapters.dialects.responses.request import Echo
from adapters.dialects.sse import EVENT_STREAM
from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Exchange

_DELTA = b"event: response.output_text.delta\ndata: %b"


class ResponseStream:
    """Turns chunks into Responses events."""

    headers = EVENT_STREAM
    heartbeat = b": keep-alive\n\n"
    transparent = False

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self._answer = Answer(x, echo)
        self._output = self._answer.output
        self._number = 0
        self._message = -1
        self._prefix = b""

    def encode(self, chunk: Chunk) -> bytes:
        text = self._plain(chunk)
        if text:
            self._output.say(text)
            return self._delta(text)
        out = b"" if self._number else self._start()
        return out + self._events(self._output.take(chunk))

    def finish(self) -> bytes:
        out = b"" if self._number else self._start()
        status = self._answer.status()
        out += self._events(self._output.close(status))
        return out + self._event({"type": f"response.{status}", "response": self._answer.ended(status)})

    def error_event(self, exc: ProxyError) -> bytes:
        # Client libraries take no event before `response.created`, not even `error`.
        out = b"" if self._number else self._start()
        return out + self._event({"type": "response.failed", "response": self._answer.failed(exc)})

    def _start(self) -> bytes:
        begun = self._answer.begun()
        names = ("response.created", "response.in_progress")
        return self._events({"type": name, "response": begun} for name in names)

    def _plain(self, chunk: Chunk) -> str:
        """The text of a chunk that is nothing but more text of the open message.

        PERF: nearly every event is one; nothing is built for it.
        """
        if self._output.open is None or self._output.open["type"] != "message":
            return ""
        candidates = chunk.get("candidates")
        if not candidates or len(candidates) != 1 or "groundingMetadata" in candidates[0]:
            return ""
        parts = (candidates[0].get("content") or {}).get("parts") or []
        if len(parts) != 1 or len(parts[0]) != 1 or candidates[0].get("index"):
            return ""
        text: str = parts[0].get("text") or ""
        return text

    def _delta(self, text: str) -> bytes:
        if self._message != self._output.index:
            self._message = self._output.index
            place = line(
                {
                    "type": "response.output_text.delta",
                    "item_id": self._output.items[-1]["id"],
                    "output_index": self._message,
                    "content_index": 0,
                    "logprobs": [],
                }
            )
            self._prefix = _DELTA % place[:-1]
        out = b'%b,"sequence_number":%d,"delta":%b}\n\n' % (self._prefix, self._number, line(text))
        self._number += 1
        return out

    def _events(self, events: Iterable[dict[str, Any]]) -> bytes:
        return b"".join(map(self._event, events))

    def _event(self, event: dict[str, Any]) -> bytes:
        kind = event["type"]
        data = line({"type": kind, "sequence_number": self._number, **event})
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
