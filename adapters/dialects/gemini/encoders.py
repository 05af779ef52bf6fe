"""The hub's chunks as a Gemini client wants them: server-sent events, a growing JSON array, or one document.

Source: measured with google-genai (Python 1.50, 3.4) and @google/genai (2.32): a comment, an `event:` line or
`[DONE]` breaks them; blank lines, and an error event whose first key is `error`, do not.
"""

from __future__ import annotations

import orjson

from adapters.dialects.gather import gathered
from adapters.dialects.gemini.errors import error_document
from adapters.dialects.line import line
from adapters.dialects.refusal import JSON
from adapters.dialects.sse import EVENT_STREAM
from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Headers

ARRAY_STREAM: Headers = [*JSON, *EVENT_STREAM[1:]]


class EventStream:
    """Server-sent events as Google frames them: one `data:` line, CRLF CRLF; the last byte is the end."""

    headers = EVENT_STREAM
    heartbeat = b"\r\n"
    transparent = True

    def encode(self, chunk: Chunk) -> bytes:
        return b"data: " + line(chunk) + b"\r\n\r\n"

    def finish(self) -> bytes:
        return b""

    def error_event(self, exc: ProxyError) -> bytes:
        return self.encode(error_document(exc))


class ArrayStream:
    """One JSON array sent piecemeal: what Google sends to a stream method without `alt=sse`."""

    headers = ARRAY_STREAM
    heartbeat = b"\r\n"
    transparent = False

    def __init__(self) -> None:
        self._before = b"["

    def encode(self, chunk: Chunk) -> bytes:
        before, self._before = self._before, b",\r\n"
        return before + orjson.dumps(chunk)

    def finish(self) -> bytes:
        return b"[]" if self._before == b"[" else b"]"

    def error_event(self, exc: ProxyError) -> bytes:
        # The array is closed, so that a JSON parser reads it whole.
        return self.encode(error_document(exc)) + b"]"


class Document:
    """One JSON document; several chunks, where a source made them, are joined."""

    headers = JSON
    heartbeat = b"\r\n"
    transparent = True

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []

    def encode(self, chunk: Chunk) -> bytes:
        self._chunks.append(chunk)
        return b""

    def finish(self) -> bytes:
        return orjson.dumps(gathered(self._chunks))

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))
