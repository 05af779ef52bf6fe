"""Reads a request's body within its limit, which is that of its size after decompression too."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.errors import BadRequest, TooLarge

Receive = Callable[[], Awaitable[dict[str, Any]]]

_DROPPED = 4
"""How many times the limit is read and dropped before the connection is cut."""

_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class CallerGone(Exception):
    """The caller closed the connection before its request was complete."""


async def read_body(receive: Receive, encoding: str, limit: int) -> bytes:
    """Return the whole body, decompressed.

    Units: `limit` in bytes after decompression.
    Errors: TooLarge, BadRequest (an encoding that is unknown or broken), CallerGone.
    """
    body = await _gather(receive, limit)
    encoding = encoding.strip().lower()
    return _decompress(body, encoding, limit) if encoding not in {"", "identity"} else body


async def _gather(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif pieces:
            pieces.clear()
        # A refused body is still read (and dropped), else most callers see a reset and never the refusal.
        if not message.get("more_body", False) or size > _DROPPED * limit:
            break
    if size > limit:
        raise TooLarge(f"The request body is over the limit of {limit} bytes.")
    return b"".join(pieces)


def _decompress(body: bytes, encoding: str, limit: int) -> bytes:
    window = _ENCODINGS.get(encoding)
    if window is None:
        raise BadRequest(f"Content-Encoding {encoding!r} is not supported; use gzip.", field="content-encoding")
    plain = b""
    while body:
        inflate = zlib.decompressobj(window)
        try:
            plain += inflate.decompress(body, limit + 1 - len(plain))
        except zlib.error:
            raise BadRequest(f"The body is not valid {encoding}.", field="content-encoding") from None
        if len(plain) > limit:
            raise TooLarge(f"The request body is over the limit of {limit} bytes once decompressed.")
        if not inflate.eof:
            raise BadRequest(f"The {encoding} body is cut short.", field="content-encoding")
        body = inflate.unused_data  # another member: RFC 1952 section 2.2
    return plain
