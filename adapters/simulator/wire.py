"""One client's connection: h11 on an asyncio Protocol, with control over every byte and over the end of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import orjson
from msgspec import Struct

MAX_EVENT_BYTES = 1 << 20


class Request(Struct):
    """One HTTP request with its whole body."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    _parsed: Any = None

    def json(self) -> Any:
        """The body as JSON, None where it is not; read only.

        Google's own text for broken JSON is the validator's business.
        """
        if self._parsed is None and self.body:
            with contextlib.suppress(orjson.JSONDecodeError):
                self._parsed = orjson.loads(self.body)
        return self._parsed

    def form(self) -> dict[str, str]:
        """The body as an HTML form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


Respond = Callable[["Wire", Request], Awaitable[None]]


class Wire(asyncio.Protocol):
    """Reads requests one after the other and gives each to `respond`, which writes the answer.

    When the client leaves, the running answer is cancelled at once.
    """

    def __init__(self, respond: Respond, wires: set[Wire], changed: Callable[[], None]) -> None:
        self._respond = respond
        self._wires = wires
        self._changed = changed
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_EVENT_BYTES)
        self._request: h11.Request | None = None
        self._body: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.transport: asyncio.Transport

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio.Transport, only alike.
        self.transport = cast("asyncio.Transport", transport)
        self._wires.add(self)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    def eof_received(self) -> None:
        # A client that half-closes is gone: Google's front end treats it so, and a test must see it at once.
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wires.discard(self)
        self._changed()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # the answer's side

    async def write(self, data: bytes) -> None:
        """Send bytes as they are and wait while the client does not read."""
        self.transport.write(data)
        await self._writable.wait()

    def frame(self, event: h11.Event) -> bytes:
        """The bytes of an HTTP event."""
        return self._http.send(event) or b""

    @property
    def unfinished(self) -> bool:
        """Whether a head was sent and its end was not."""
        return self._http.our_state is h11.SEND_BODY

    def cut(self) -> None:
        """Close without having finished the answer (FIN)."""
        self.transport.close()

    def reset(self) -> None:
        """Close with an RST."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # requests

    def _advance(self) -> None:
        """Take what has arrived; start an answer when a request is whole."""
        try:
            while self._task is None:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._continue()
                    return
                if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            self.transport.abort()

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._request, self._body = event, []
        elif isinstance(event, h11.Data):
            self._body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and self._request is not None:
            request = _request(self._request, b"".join(self._body))
            self._task = asyncio.get_running_loop().create_task(self._answer(request))

    def _continue(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self.transport.write(self.frame(h11.InformationalResponse(status_code=100, headers=[])))

    async def _answer(self, request: Request) -> None:
        try:
            await self._respond(self, request)
        except asyncio.CancelledError:
            return
        self._task = None
        if self.transport.is_closing():
            return
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self.transport.close()

    def close(self) -> None:
        """Drop the connection and whatever is being answered."""
        self.transport.abort()


def _request(head: h11.Request, body: bytes) -> Request:
    url = urlsplit(head.target.decode("ascii", "replace"))
    return Request(
        method=head.method.decode("ascii"),
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )
