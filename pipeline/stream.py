"""Bytes into events and back: the SSE splitter and the fused feed of one answer.

PERF: a feed turns one network read into one `send`; per event it costs one JSON decode, the pipes, one encode
(benchmarks/streaming.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.errors import UpstreamError

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange
    from pipeline.ports import Decoder

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class SseSplitter:
    """Cuts a server-sent event stream into the data of its events, however the bytes arrive.

    Shape: takes CRLF, LF or CR; comments and other fields are skipped; several `data:` lines are joined with LF. A
        block without any field, as an upstream sends that breaks into bare JSON, is passed on whole.
    Source: WHATWG HTML §9.2; upstream-made deviations are tolerated rather than lost.
    """

    __slots__ = ("_pieces", "_scanned")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._scanned = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of every event that these bytes complete."""
        if self._pieces:
            self._pieces.append(data)
            if b"\n" not in data and b"\r" not in data:
                # PERF: a 20 MiB event that comes in small reads is neither joined nor scanned once per read.
                return []
            data = b"".join(self._pieces)
            self._pieces.clear()
        # PERF: Google's own framing (one CRLF line an event, whole events a read) needs no line parsing, and where a
        # read is one event, no list of lines either: 0.5 us instead of 1.3 (benchmarks/streaming.py).
        if not data.endswith(b"\r\n\r\n"):
            return self._feed_slowly(data)
        last = len(data) - 4
        if data.find(b"\n") == last + 1 and data.find(b"\r") == last > 6 and data.startswith(b"data: "):
            self._scanned = 0
            return [data[6:last]]
        boundaries = data.count(b"\r\n\r\n")
        if data.count(b"\n") == 2 * boundaries == data.count(b"\r"):
            self._scanned = 0
            return [event for line in data[:-4].split(b"\r\n\r\n") if (event := _event_of_line(line))]
        return self._feed_slowly(data)

    def flush(self) -> list[bytes]:
        """Return the data of a last event that no blank line ended."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._scanned = 0
        data = _data_of(rest)
        return [data] if data else []

    def _feed_slowly(self, buffer: bytes) -> list[bytes]:
        events = []
        start = 0
        position = max(self._scanned - 4, 0)
        while boundary := _BLANK_LINE.search(buffer, position):
            data = _data_of(buffer[start : boundary.start()])
            if data:
                events.append(data)
            start = position = boundary.end()
        rest = buffer[start:]
        if rest:
            self._pieces.append(rest)
        self._scanned = len(rest)
        return events


def _event_of_line(line: bytes) -> bytes:
    return _data_of_line(line) if _is_event(line) else b""


def _is_event(line: bytes) -> bool:
    return line.startswith((b"data:", b"{", b"["))


def _data_of_line(line: bytes) -> bytes:
    if line.startswith(b"data: "):
        return line[6:]
    return line[5:] if line.startswith(b"data:") else line


def _data_of(block: bytes) -> bytes:
    lines = [line for line in _LINE_END.split(block) if line]
    data = [_data_of_line(line) for line in lines if line.startswith(b"data:")]
    if data:
        return b"\n".join(data)
    bare = [line for line in lines if not line.startswith(b":")]
    return b"\n".join(bare) if bare and _is_event(bare[0]) else b""


def fuse(x: Exchange) -> Callable[[list[Chunk]], bytes]:
    """Return the function that takes a batch of events through the exchange's pipes into the caller's bytes."""
    assert x.encoder is not None, "a stage that gives `encoder` comes before the relay"
    encode, note = x.encoder.encode, x.note
    pipes = tuple(x.pipes)

    def through(chunks: list[Chunk]) -> bytes:
        out = []
        for event in chunks:
            note(event)
            chunk = event
            for pipe in pipes:
                piped = pipe(chunk)
                if piped is None:
                    break
                chunk = piped
            else:
                out.append(encode(chunk))
        return out[0] if len(out) == 1 else b"".join(out)

    return through


class WholeEvents:
    """Passes an upstream's event bytes on untouched, but only whole events, and notes how they end.

    Why: a cut upstream must not leave half an event in front of the error event that says so.
    """

    __slots__ = ("_decode", "_last", "_note", "_rest")

    def __init__(self, x: Exchange, decode: Decoder) -> None:
        self._rest: list[bytes] = []
        self._last = b""
        self._note = x.note
        self._decode = decode

    def feed(self, data: bytes) -> bytes:
        """Return the bytes up to the end of the last complete event. Errors: UpstreamError, as the decoder."""
        if self._rest:
            self._rest.append(data)
            if b"\n" not in data:  # PERF: as in SseSplitter, for an event that comes in small reads
                return b""
            data = b"".join(self._rest)
            self._rest.clear()
        boundary = max(data.rfind(b"\n\n"), data.rfind(b"\n\r\n"))
        end = boundary + (2 if data.startswith(b"\n\n", boundary) else 3) if boundary >= 0 else 0
        if end < len(data):
            self._rest.append(data[end:])
        if not end:
            return b""
        whole = data[:end]
        # PERF: only an event that may end the answer or break it is decoded.
        if b'"error"' in whole or b'"finishReason"' in whole or b'"blockReason"' in whole:
            self._judge(whole)
            self._last = b""
        else:
            self._last = whole
        return whole

    def flush(self) -> bytes:
        """Return a last event that no blank line ended. Errors: UpstreamError when it is only half an event."""
        rest = b"".join(self._rest)
        self._rest.clear()
        last, self._last = self._last, b""
        if last:
            self._judge(last)
        if not rest.strip():
            self._judge(b"")
            return b""
        self._judge(rest)
        self._judge(b"")
        return rest + b"\r\n\r\n"

    def settle(self) -> None:
        """Note what the last event says that went out before the answer broke off: its tokens have been used."""
        last, self._last = self._last, b""
        if last:
            with suppress(UpstreamError):  # what broke it off has been said already
                self._judge(last)

    def _judge(self, whole: bytes) -> None:
        for chunk in self._decode(whole):
            self._note(chunk)
