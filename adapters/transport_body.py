"""The body of an HTTP/1.1 answer, freed from its framing as it arrives (RFC 9112 §6, §7).

h11 parses heads; bodies are read here, because a stream spends most of its life in them.
PERF: a 400-byte event in a chunk of its own costs 0.7 us here and 6.2 us in h11 (benchmarks/transport.py).
tests/adapters/test_transport_body.py holds both to the same result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import Broken

if TYPE_CHECKING:
    from pipeline.exchange import Headers

# As h11 reads it: up to 20 digits, an extension nobody needs, and the trailing blanks that some servers send.
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;[^\r\n]*)?[ \t]*\r\n")
TRAILER_LINE = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+:[^\x00\x0b\x0c\r\n]*\r\n")
LINE_LIMIT = 16 * 1024

# What a chunked body expects next, where not the rest of a chunk.
CHUNK_END, SIZE, TRAILER = 0, -1, -2


class BodyReader(Protocol):
    """Takes network reads apart into payload and framing.

    Shape: `done` once the body is complete; `surplus` then holds what came after it. `ends_at_eof` where the
        end of the connection is the end of the body.
    """

    done: bool
    surplus: bytes
    ends_at_eof: bool

    def feed(self, data: bytes, into: list[bytes]) -> None:
        """Append the payload in this network read. Errors: Broken (provider_malformed)."""


class Sized:
    """A body whose length its head told."""

    __slots__ = ("_left", "done", "surplus")
    ends_at_eof = False

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.surplus = b""

    def feed(self, data: bytes, into: list[bytes]) -> None:
        left = self._left - len(data)
        if left < 0:
            data, self.surplus = data[: self._left], data[self._left :]
            left = 0
        self._left = left
        self.done = left == 0
        if data:
            into.append(data)


class UntilClose:
    """A body that lasts as long as its connection."""

    __slots__ = ("done", "surplus")
    ends_at_eof = True

    def __init__(self) -> None:
        self.done = False
        self.surplus = b""

    def feed(self, data: bytes, into: list[bytes]) -> None:
        if data:
            into.append(data)


class Chunked:
    """A body in chunks, each led by its size."""

    __slots__ = ("_left", "_tail", "_trailer", "done", "surplus")
    ends_at_eof = False

    def __init__(self) -> None:
        self._left = SIZE  # what is left of a chunk, or which line comes next
        self._tail = b""  # the beginning of a line that is not complete yet
        self._trailer = 0
        self.done = False
        self.surplus = b""

    def feed(self, data: bytes, into: list[bytes]) -> None:
        if self._tail:
            data, self._tail = self._tail + data, b""
        position, end = 0, len(data)
        while position < end and not self.done:
            left = self._left
            if left > 0:
                piece = data[position : position + left]
                into.append(piece)
                position += len(piece)
                self._left = left - len(piece)
                continue
            after = self._line(data, position)
            if after < 0:
                self._keep(data, position)
                return
            position = after
        if self.done:
            self.surplus = data[position:]

    def _line(self, data: bytes, position: int) -> int:
        """Read one line of framing and return where it ends, or -1 where it is not complete."""
        if self._left == SIZE:
            if match := SIZE_LINE.match(data, position):
                self._left = int(match[1], 16) or TRAILER
                return match.end()
        elif data.startswith(b"\r\n", position):
            self.done = self._left == TRAILER
            self._left = SIZE
            return position + 2
        elif self._left == TRAILER and (match := TRAILER_LINE.match(data, position)):
            self._trailer += match.end() - position
            if self._trailer > LINE_LIMIT:
                raise malformed("trailers")
            return match.end()
        return -1

    def _keep(self, data: bytes, position: int) -> None:
        """Keep the beginning of a line for the next read; what can never become one is refused."""
        self._tail = data[position:]
        hopeless = b"\n" in self._tail or (self._left == CHUNK_END and self._tail != b"\r")
        if hopeless or len(self._tail) > LINE_LIMIT:
            raise malformed("chunk framing")


def body_reader(headers: Headers, *, without_body: bool) -> BodyReader:
    """Return the reader for the body that this head announces (RFC 9112 §6.3).

    Shape: `headers` as h11 returns them: one content-length of digits, and no transfer-encoding but chunked.
    """
    if without_body:
        return Sized(0)
    length = -1
    for name, value in headers:
        if name == b"transfer-encoding":
            return Chunked()
        if name == b"content-length":
            length = int(value)
    return UntilClose() if length < 0 else Sized(length)


def malformed(what: str) -> Broken:
    """Return the error for bytes from upstream that are not what they claim to be."""
    return Broken(f"Upstream sent malformed {what}.", error_type="provider_malformed")
