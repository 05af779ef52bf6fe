"""Upstream's bytes into the hub's chunks, for one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from adapters.upstreams.verdicts import TABLE, Table, classify_event
from pipeline.errors import Broken, UpstreamError
from pipeline.exchange import Chunk
from pipeline.ports import Clock, Decoder
from pipeline.stream import SseSplitter

Unwrap = Callable[[Chunk], Chunk]


def same(chunk: Chunk) -> Chunk:
    """Take a chunk as it is: the envelope of upstreams that have none."""
    return chunk


class EventDecoder:
    """Reads a stream of events; also one that breaks into bare JSON, as Google's do when they fail.

    Errors: UpstreamError as the event says, or Broken (provider_malformed) for what is not JSON; either
        carries the chunks that came before it in the same network read.
    """

    __slots__ = ("_clock", "_splitter", "_table", "_unwrap", "_upstream")

    def __init__(self, upstream: str, clock: Clock, unwrap: Unwrap = same, table: Table = TABLE) -> None:
        self._upstream = upstream
        self._table = table
        self._clock = clock
        self._unwrap = unwrap
        self._splitter = SseSplitter()

    def __call__(self, data: bytes) -> list[Chunk]:
        """Return the chunks that these bytes complete; `b""` ends the stream."""
        chunks: list[Chunk] = []
        unwrap = self._unwrap
        try:
            for event in self._splitter.feed(data) if data else self._splitter.flush():
                for chunk in parsed(event):
                    if "error" in chunk and "candidates" not in chunk:
                        raise in_band(chunk, self._clock, self._upstream, self._table)
                    if chunk:
                        chunks.append(unwrap(chunk))
        except UpstreamError as exc:
            exc.chunks = chunks
            raise
        return chunks


class DocumentDecoder:
    """Gathers one document and reads it at its end. Errors: as for events."""

    __slots__ = ("_clock", "_parts", "_table", "_unwrap", "_upstream")

    def __init__(self, upstream: str, clock: Clock, unwrap: Unwrap = same, table: Table = TABLE) -> None:
        self._upstream = upstream
        self._table = table
        self._clock = clock
        self._unwrap = unwrap
        self._parts: list[bytes] = []

    def __call__(self, data: bytes) -> list[Chunk]:
        """Return nothing until `b""` ends the document."""
        if data:
            self._parts.append(data)
            return []
        whole = b"".join(self._parts)
        self._parts.clear()
        chunks = parsed(whole)
        for chunk in chunks:
            if "error" in chunk and "candidates" not in chunk:
                raise in_band(chunk, self._clock, self._upstream, self._table)
        return [self._unwrap(chunk) for chunk in chunks]


def decoder(stream: bool, upstream: str, clock: Clock, unwrap: Unwrap = same, table: Table = TABLE) -> Decoder:
    """Return a new decoder for one answer; `table` says what errors within it mean."""
    return (EventDecoder if stream else DocumentDecoder)(upstream, clock, unwrap, table)


def parsed(data: bytes) -> list[Chunk]:
    """Return the objects of one event or document, which may be an array of them.

    Errors: Broken (provider_malformed).
    """
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        if data == b"[DONE]":  # an endpoint that is no Google but a proxy before it
            return []
        raise Broken(f"Upstream sent what is not JSON: {exc}", error_type="provider_malformed") from exc
    if type(found) is dict:
        return [found]
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        return found
    raise Broken("Upstream sent JSON that is no object.", error_type="provider_malformed")


def in_band(chunk: Chunk, clock: Clock, upstream: str, table: Table = TABLE) -> UpstreamError:
    """Return the error that an error event within a 200 answer stands for."""
    error = chunk["error"] if isinstance(chunk["error"], dict) else {"message": str(chunk["error"])}
    return classify_event(error, clock.now(), upstream, table)
