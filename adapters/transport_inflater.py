"""What upstream compressed, inflated as it arrives (RFC 9110 §8.4)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from adapters.transport_body import malformed
from pipeline.errors import Broken

if TYPE_CHECKING:
    from pipeline.exchange import Headers

STEP = 1024 * 1024
"""The most that one call inflates, so that a few bytes cannot fill the memory."""

GZIP, ZLIB, RAW = 31, 15, -15  # zlib's own numbers for the three containers


class Inflater:
    """One compressed body: gzip of any number of members, or deflate with or without its zlib header.

    Shape: `more` says that `inflate(b"")` has more to give before new bytes are needed.
    """

    __slots__ = ("_gzip", "_pending", "_stream", "more")

    def __init__(self, coding: bytes) -> None:
        self._gzip = coding != b"deflate"
        self._stream: zlib._Decompress | None = None  # of the current member
        self._pending = b""
        self.more = False

    def inflate(self, data: bytes) -> bytes:
        """Return what these bytes made readable, `STEP` at most. Errors: Broken (provider_malformed)."""
        if self._pending:
            data, self._pending = self._pending + data, b""
        stream = self._stream
        if stream is None or (stream.eof and data):
            stream = self._stream = self._begin(data)
        try:
            out = stream.decompress(data, STEP)
        except zlib.error as exc:
            raise malformed("compressed data") from exc
        self._pending = stream.unused_data if stream.eof else stream.unconsumed_tail
        self.more = bool(self._pending) or len(out) == STEP
        return out

    def finish(self) -> None:
        """Check that compressed data which began was complete. Errors: Broken (provider_cut)."""
        if self._stream is not None and not self._stream.eof:
            raise Broken("Upstream's compressed answer ended early.", error_type="provider_cut")

    def _begin(self, data: bytes) -> zlib._Decompress:
        if self._gzip:
            return zlib.decompressobj(GZIP)
        if self._stream is not None:
            raise malformed("compressed data")
        # Servers send either form as "deflate"; no encoder begins a raw stream like a zlib header.
        return zlib.decompressobj(ZLIB if data[0] & 0x0F == 8 else RAW)


def inflater(headers: Headers) -> Inflater | None:
    """Return what inflates this body, None for a plain one. Errors: Broken (provider_malformed)."""
    coding = b",".join(value for name, value in headers if name == b"content-encoding").strip().lower()
    if coding in (b"", b"identity"):
        return None
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        raise malformed("content-encoding")
    return Inflater(coding)
