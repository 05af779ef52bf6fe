"""One request on a connection and its answer: ASGI's `receive` and `send`, and the same without waiting."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from adapters.serving.connection import PlainConnection
    from adapters.serving.plain_request import PlainRequest

TURN: Final = "pollux.turn"
"""The extension in an ASGI scope by which an application finds its turn."""

HELD_LIMIT: Final = 256 * 1024
"""How much of a request is held for an application that does not take it before reading pauses. Units: bytes."""

_FIELDS: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")
_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
_WITHOUT_BODY: Final = (204, 304)
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))


class Turn:
    """One request and its answer.

    Shape: `wanted` is what is still to come of the request's body; `gone` once the caller has left: what is
        written after that is dropped, as ASGI says.
    """

    __slots__ = (
        *("_answered", "_connection", "_head", "_held", "_keep_alive", "_left", "_pieces", "_size", "_told"),
        *("_waiter", "finished", "gone", "wanted"),
    )

    def __init__(self, connection: PlainConnection, request: PlainRequest) -> None:
        self.wanted = request.length
        self.gone = self.finished = False
        self._left: Callable[[], None] | None = None
        self._connection = connection
        self._keep_alive = request.keep_alive
        self._pieces: list[bytes] = []
        self._held = 0  # bytes in these pieces
        self._told = False
        self._waiter: asyncio.Future[None] | None = None
        self._head = b""
        self._answered = False
        self._size: int | None = None  # what is left to send of an answer whose length was said

    # For the application.

    async def receive(self) -> dict[str, Any]:
        """Return what has come of the body, or that the caller has left."""
        while not self._pieces and (self.wanted or self._told) and not (self.gone or self.finished):
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            # Several may wait, and one that is cancelled must not wake the others.
            await asyncio.shield(self._waiter)
        if not self._pieces and (self.wanted or self._told):
            return {"type": "http.disconnect"}
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held = 0
        self._connection.resume()
        self._told = not self.wanted
        return {"type": "http.request", "body": body, "more_body": not self._told}

    async def send(self, message: dict[str, Any]) -> None:
        """Send the head or a piece of the answer. Errors: ValueError, RuntimeError for what is no answer."""
        if message["type"] == "http.response.start":
            self.start(message["status"], message.get("headers", ()))
        elif message["type"] != "http.response.body" or not self._answered:
            raise RuntimeError(f"{message['type']} has no place here.")
        elif not message.get("more_body", False):
            self.finish(bytes(message.get("body", b"")))
        elif not self.write(bytes(message.get("body", b""))):
            await self.drained()

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Say how the answer begins; it leaves with the first piece. Errors: ValueError for what is no header."""
        if self._answered:
            raise RuntimeError("This answer has begun already.")
        fields = []
        framing = {}
        for name, value in headers:
            if name.lower() in _FRAMING:
                framing[name.lower()] = value
            else:
                fields.append(b"%b: %b\r\n" % (name, value))
        block = b"".join(fields)
        if _FIELDS.fullmatch(block) is None or block.count(b"\n") != len(fields):
            raise ValueError("A header of this answer holds what no header may.")
        self._size = -1 if status in _WITHOUT_BODY else _length(framing)
        self._keep_alive &= not self._connection.retiring and framing.get(b"connection", b"").lower() != b"close"
        self._answered = True
        self._head = b"%b%b%b%b\r\n" % (_status_line(status), block, self._framing(), _date())

    def write(self, data: bytes) -> bool:
        """Send a piece, none to send just the head; False when `drained` is to be awaited before the next one."""
        if self._size is None:
            if data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            data = self._counted(data)
        if self._head:
            data, self._head = self._head + data, b""
        return self._connection.write(self, data)

    def finish(self, data: bytes = b"") -> None:
        """Send the last piece."""
        if self._size is None:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        else:
            data = self._counted(data)
        if self._head:
            data, self._head = self._head + data, b""
        self._connection.write(self, data)
        self.finished = True
        self._wake()
        self._connection.end(self, reusable=self._keep_alive and (self._size or 0) <= 0)

    async def drained(self) -> None:
        """Wait until the caller has taken what was sent."""
        await self._connection.drained()

    def tell(self, left: Callable[[], None] | None) -> None:
        """Call this when the caller leaves, at once where that has happened; None to be told no more."""
        self._left = left
        if left is not None and self.gone:
            left()

    # For the connection.

    def feed(self, data: bytes) -> bool:
        """Take in a piece of the body; False when more is held than should be."""
        self.wanted -= len(data)
        self._pieces.append(data)
        self._held += len(data)
        self._wake()
        return self._held <= HELD_LIMIT

    def lose(self) -> None:
        """The caller has left."""
        self.gone = True
        self._wake()
        if self._left is not None:
            self._left()

    def close(self) -> None:
        """The application has ended: what it did not answer is answered here, what it broke off is cut off."""
        if self.finished or self.gone:
            return
        if self._answered:
            self._connection.abort()
            return
        self._keep_alive = False
        self.start(500, [(b"content-length", b"0")])
        self.finish()

    def _counted(self, data: bytes) -> bytes:
        """Hold an answer to the length that its head has said."""
        if self._size is None or self._size < 0:
            return b""
        data = data[: self._size]
        self._size -= len(data)
        return data

    def _framing(self) -> bytes:
        """Return the headers that say where the answer ends: they are not the application's to choose."""
        if self._size is None:
            length = b"transfer-encoding: chunked\r\n"
        else:
            length = b"content-length: %d\r\n" % self._size if self._size >= 0 else b""
        return length if self._keep_alive else length + b"connection: close\r\n"

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None


class _Calendar:
    """The date header, made once a second. Source: RFC 9110 §6.6.1."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second, self._line = 0, b""

    def line(self) -> bytes:
        """Return the header for now."""
        second = int(time.time())
        if second != self._second:
            self._second, self._line = second, f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


_date: Final = _Calendar().line


def _length(framing: dict[bytes, bytes]) -> int | None:
    """Return what the application says of the answer's length. Errors: ValueError for what is none."""
    length = framing.get(b"content-length")
    if length is not None and not length.isdigit():
        raise ValueError("The length of this answer is no number.")
    return None if length is None else int(length)


def _status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
