"""One prebuilt answer, very fast: the upstream of a benchmark, where the simulator must not be what is measured.

Nothing is parsed but the end of the head, Content-Length and the method of the URL. `/token` hands out a token, so that
OAuth credentials work too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import orjson

from adapters.simulator.scenario import Scenario

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_STREAM_END = b"0\r\n\r\n"
_TICK = 0.001
_EVENTS = 50
_TEXT = "lorem ipsum dolor sit amet"


class Answers:
    """Every byte that will ever be sent, built once."""

    def __init__(self, events: int, text: str) -> None:
        self.unary = _whole(_event(text * 2, 2, last=True))
        self.unary_wrapped = _whole({"response": _event(text * 2, 2, last=True), "traceId": "canned"})
        plain = [_event(text, n + 1, last=n == events - 1) for n in range(events)]
        self.stream = [_chunk(event) for event in plain]
        self.stream_wrapped = [_chunk({"response": event, "traceId": "canned"}) for event in plain]
        token = {"access_token": "ya29.canned", "expires_in": 3599, "token_type": "Bearer", "scope": "made-up"}
        self.token = _whole(token)
        tier = {"id": "standard-tier", "name": "Gemini Code Assist"}
        self.load = _whole({"currentTier": tier, "cloudaicompanionProject": "test-project-1"})


class Wheel:
    """One timer for all streams: a slot per millisecond of the cadence; a stream stays in the slot it began in."""

    def __init__(self, cadence: float) -> None:
        self._slots: list[set[Stream]] = [set() for _ in range(max(1, round(cadence / _TICK)))]
        self._hand = 0
        self._next = 0.0
        self._streams = 0

    def add(self, stream: Stream) -> None:
        """Give a stream its next event one cadence from now, and so on until it ends."""
        if self._streams == 0:
            self._next = time.monotonic() + _TICK
            asyncio.get_running_loop().call_later(_TICK, self._turn)
        self._streams += 1
        self._slots[self._hand].add(stream)

    def drop(self, stream: Stream) -> None:
        """Forget a stream whose client has left."""
        for slot in self._slots:
            if stream in slot:
                slot.discard(stream)
                self._streams -= 1

    def _turn(self) -> None:
        now = time.monotonic()
        while self._next <= now:
            self._next += _TICK
            self._hand = (self._hand + 1) % len(self._slots)
            slot = self._slots[self._hand]
            ended = [stream for stream in slot if not stream.step()]
            slot.difference_update(ended)
            self._streams -= len(ended)
        if self._streams:
            asyncio.get_running_loop().call_later(max(0.0, self._next - now), self._turn)


class Stream:
    """One streamed answer under way."""

    __slots__ = ("_at", "_chunks", "_done", "_transport")

    def __init__(self, chunks: list[bytes], transport: asyncio.Transport, done: Callable[[], None]) -> None:
        self._chunks = chunks
        self._transport = transport
        self._done = done
        self._at = 1
        transport.write(_STREAM_HEAD + chunks[0])

    def step(self) -> bool:
        """Send the next event; False when it was the last."""
        if self._at == len(self._chunks):
            self._transport.write(_STREAM_END)
            self._done()
            return False
        self._transport.write(self._chunks[self._at])
        self._at += 1
        return True


class CannedProtocol(asyncio.Protocol):
    """Reads pipelined requests with as little work as possible and answers them in order."""

    def __init__(self, answers: Answers, wheel: Wheel | None) -> None:
        self._answers = answers
        self._wheel = wheel
        self._buffer = b""
        self._stream: Stream | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream and self._wheel:
            self._wheel.drop(self._stream)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        self._drain()

    def _drain(self) -> None:
        out: list[bytes] = []
        while self._stream is None and self._buffer:
            head_end = self._buffer.find(_HEAD_END)
            if head_end < 0:
                break
            end = head_end + 4 + _content_length(self._buffer, head_end)
            if len(self._buffer) < end:
                break
            line = self._buffer[: self._buffer.find(b"\r\n")]
            self._buffer = self._buffer[end:]
            self._answer(line, out)
        if out:
            self._transport.write(b"".join(out))

    def _answer(self, line: bytes, out: list[bytes]) -> None:
        wrapped = b"/v1internal" in line
        if b":streamGenerateContent" in line:
            chunks = self._answers.stream_wrapped if wrapped else self._answers.stream
            self._open(chunks, out)
        elif b"/token" in line:
            out.append(self._answers.token)
        elif b":loadCodeAssist" in line:
            out.append(self._answers.load)
        else:
            out.append(self._answers.unary_wrapped if wrapped else self._answers.unary)

    def _open(self, chunks: list[bytes], out: list[bytes]) -> None:
        if self._wheel is None:
            out.extend((_STREAM_HEAD, *chunks, _STREAM_END))
            return
        if out:
            self._transport.write(b"".join(out))
            out.clear()
        self._stream = Stream(chunks, self._transport, self._closed)
        self._wheel.add(self._stream)

    def _closed(self) -> None:
        self._stream = None
        if self._buffer:
            self._drain()


async def start(host: str, port: int, scenario: Scenario) -> asyncio.Server:
    """Listen with the canned answer; the caller closes the server.

    Shape: every event carries the scenario's `text`; there are `events` of them, `cadence` seconds apart.
    """
    answers = Answers(scenario.events or _EVENTS, scenario.text or _TEXT)
    wheel = Wheel(scenario.cadence) if scenario.cadence else None
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: CannedProtocol(answers, wheel), host, port)


def _content_length(buffer: bytes, head_end: int) -> int:
    # PERF: clients write the header in one of two ways; lower-casing every head would cost more than all the rest.
    at = buffer.find(_LENGTH, 0, head_end)
    if at < 0:
        at = buffer.find(b"Content-Length:", 0, head_end)
    if at < 0:
        return 0
    return int(buffer[at + len(_LENGTH) : buffer.find(b"\r\n", at)])


def _whole(body: Any) -> bytes:
    raw = orjson.dumps(body)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\ncontent-length: %d\r\n\r\n"
    return head % len(raw) + raw


def _chunk(event: dict[str, Any]) -> bytes:
    frame = b"data: " + orjson.dumps(event) + b"\r\n\r\n"
    return b"%x\r\n%b\r\n" % (len(frame), frame)


def _event(text: str, number: int, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    usage = {"promptTokenCount": 8, "candidatesTokenCount": 6 * number, "totalTokenCount": 8 + 6 * number}
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-3.8-flash",
        "responseId": "canned",
    }
