"""An upstream's answer as it arrives on an HTTP/1.1 connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import h11

from adapters.transport_body import BodyReader, body_reader, malformed
from adapters.transport_head import plain_head
from adapters.transport_inflater import Inflater, inflater
from pipeline.errors import Broken

if TYPE_CHECKING:
    from adapters.transport_connection import Connection
    from pipeline.exchange import Headers
    from pipeline.ports import Answer, Take

HEAD_LIMIT = 64 * 1024
HELD_LIMIT = 256 * 1024
"""How much of a body is held for a slow consumer before reading pauses."""

ANSWER_LIMIT = 128 * 1024 * 1024
"""The longest answer that is gathered whole, unless told otherwise."""

# A request's head is written without h11 (see `request_bytes`), so the parser of the answer must be told that
# one is on its way, or it would accept no 1xx.
ASKED: Final = h11.Request(method="POST", target="/", headers=[("host", "upstream"), ("content-length", "0")])


class Http1Answer:
    """The answer to one call: its head is here, its body comes as upstream sends it."""

    __slots__ = (
        *("_body", "_complete", "_connection", "_head_only", "_held", "_idle", "_inflater", "_keep_alive"),
        *("_parser", "_pieces", "_pour", "_poured", "_thrown", "failure", "headers", "heard", "status"),
    )

    def __init__(self, connection: Connection, *, head_only: bool, idle: float) -> None:
        self.status = 0
        self.headers: Headers = []
        self.heard = False
        self.failure: Broken | None = None
        self._connection = connection
        self._head_only = head_only
        self._idle = idle
        self._parser: h11.Connection | None = None
        self._body: BodyReader | None = None
        self._inflater: Inflater | None = None
        self._keep_alive = False
        self._pieces: list[bytes] = []
        self._held = 0  # what the consumer has not taken yet; over HELD_LIMIT reading pauses
        self._complete = False
        self._pour: Take | None = None
        self._poured = True
        self._thrown: Exception | None = None

    # For the consumer.

    async def read(self) -> bytes:
        while (data := self._ready()) is None:
            await self._connection.arrival(self, self._idle)
        return data

    async def pour(self, take: Take) -> bool:
        # PERF: what comes goes to `take` in the same call of the loop; nobody is woken for it.
        wanted = True
        while wanted and (data := self._ready()) != b"":
            if data is not None:
                wanted = take(data)
                continue
            self._poured, self._pour = True, take if self._inflater is None else None
            try:
                await self._connection.arrival(self, self._idle)
            finally:
                self._pour = None
            wanted = self._poured
        if self._thrown is not None:
            raise self._thrown
        return wanted

    async def read_all(self, limit: int = ANSWER_LIMIT) -> bytes:
        return await gather(self, limit)

    def close(self) -> None:
        if not self._complete and self.failure is None:
            self.failure = Broken("This answer was closed.", error_type="provider_cut")
            self._connection.abort()

    def _ready(self) -> bytes | None:
        """Return what has arrived, `b""` at the end, None when there is nothing yet. Errors: as `read`."""
        while self._pieces or (self._inflater is not None and self._inflater.more):
            if data := self._take():
                return data
        if self.failure is not None:
            raise self.failure
        if not self._complete:
            return None
        if self._inflater is not None:
            self._inflater.finish()
        return b""

    def _take(self) -> bytes:
        """Return what has arrived, and read on where that had been too much."""
        zipped = self._inflater
        if zipped is not None and zipped.more:
            return zipped.inflate(b"")
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._held > HELD_LIMIT and not self._complete:
            self._connection.resume()
        self._held = 0
        return data if zipped is None else zipped.inflate(data)

    # For the connection.

    @property
    def ends_at_eof(self) -> bool:
        return self._body is not None and self._body.ends_at_eof

    def feed(self, data: bytes) -> None:
        """Take in one network read. Errors: Broken (provider_malformed)."""
        self.heard = True
        body = self._body
        if body is None:
            body, data = self._read_head(data)
            if body is None:
                return
        body.feed(data, self._pieces)
        self._held += len(data)
        if self._pour is not None and self._pieces and self._given(self._pour):
            self._connection.extend(self._idle)
            if not body.done:
                return
        if body.done:
            self.finish(reusable=self._keep_alive and not body.surplus)
            return
        if self._held > HELD_LIMIT:
            self._connection.pause()
        self._connection.wake()

    def _given(self, take: Take) -> bool:
        """Hand on what has come; False when it is wanted no more, or `take` failed: the reader is to look."""
        try:
            if take(self._take()):
                return True
        except Exception as exc:  # noqa: BLE001 - it is the reader's, not the event loop's
            self._thrown = exc
        self._pour, self._poured = None, False
        return False

    def finish(self, *, reusable: bool) -> None:
        """The body is complete: the consumer may still read it while the connection serves another."""
        self._complete = True
        self._connection.wake()
        if self._held > HELD_LIMIT:
            self._connection.resume()
        self._connection.complete(reusable=reusable)

    def _read_head(self, data: bytes) -> tuple[BodyReader | None, bytes]:
        """Take in a piece of the head; once it is complete, return the body's reader and its first bytes."""
        plain = plain_head(data) if self._parser is None else None
        if plain is not None:
            self.status, self.headers, rest = plain
            reusable = True
        else:
            event, rest = self._parsed(data)
            if event is None:
                return None, b""
            self.status, self.headers = event.status_code, list(event.headers)
            reusable = event.http_version == b"1.1"
        without_body = self._head_only or self.status in (204, 304)
        self._body = body_reader(self.headers, without_body=without_body)
        self._inflater = None if without_body else inflater(self.headers)
        self._keep_alive = reusable and not _says_close(self.headers)
        return self._body, rest

    def _parsed(self, data: bytes) -> tuple[h11.Response | None, bytes]:
        """Let h11 take in a piece of the head. Errors: Broken (provider_malformed)."""
        if self._parser is None:
            self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
            self._parser.send(ASKED)
        try:
            self._parser.receive_data(data)
            event = self._parser.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._parser.next_event()
        except h11.RemoteProtocolError as exc:
            raise malformed("HTTP") from exc
        if not isinstance(event, h11.Response):
            return None, b""
        rest, _ = self._parser.trailing_data
        self._parser = None  # a stream may last for minutes; its head's parser need not
        return event, rest


def _says_close(headers: Headers) -> bool:
    return any(name == b"connection" and b"close" in value.lower() for name, value in headers)


async def gather(answer: Answer, limit: int) -> bytes:
    """Read the rest of a body. Errors: as `read`; Broken (provider_malformed) when over the limit."""
    pieces = []
    size = 0
    while piece := await answer.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            answer.close()
            raise Broken(f"Upstream's answer is longer than {limit} bytes.", error_type="provider_malformed")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
