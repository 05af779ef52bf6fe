"""A server of ours on a port of its own, and callers with nothing but a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import h11
from hypercorn.config import Config
from msgspec import Struct

from adapters.serving.connection import PlainConnection
from adapters.serving.handover import Handover
from adapters.serving.server import Server

SOON = 2.0
"""Seconds in which what happens at once has happened on a slow machine."""

GET = b"GET /%b HTTP/1.1\r\nhost: pollux.example\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nhost: pollux.example\r\ncontent-length: %d\r\n\r\n%b"

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class Answer(Struct):
    """Shape: `whole` when its framing says that nothing is missing."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    whole: bool


class Visitor:
    """A caller's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._rest = b""

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def answer(self, method: str = "GET") -> Answer:
        """Return the next answer, as h11 reads it."""
        async with asyncio.timeout(SOON * 5):
            return await self._answer(method)

    async def _answer(self, method: str) -> Answer:
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(self._rest or await self._read())
        answer = Answer(0, {}, b"", whole=False)
        pieces = []
        with contextlib.suppress(h11.RemoteProtocolError):
            while not isinstance(event := parser.next_event(), (h11.EndOfMessage, h11.ConnectionClosed)):
                if event is h11.NEED_DATA:
                    parser.receive_data(await self._read())
                elif isinstance(event, h11.Response):
                    answer.status = event.status_code
                    answer.headers = {bytes(name): bytes(value) for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    pieces.append(bytes(event.data))
            answer.whole = isinstance(event, h11.EndOfMessage)
        answer.body = b"".join(pieces)
        self._rest = bytes(parser.trailing_data[0])
        return answer

    async def _read(self) -> bytes:
        try:
            return await self.reader.read(65536)
        except ConnectionError:
            return b""

    async def rest(self) -> bytes:
        """Return all that comes until the server closes."""
        async with asyncio.timeout(SOON * 5):
            pieces = [self._rest]
            while piece := await self._read():
                pieces.append(piece)
            return b"".join(pieces)

    async def is_open(self, seconds: float = 0.1) -> bool:
        """Return whether the connection is still there and silent after so long."""
        try:
            async with asyncio.timeout(seconds):
                return bool(await self._read())
        except TimeoutError:
            return True

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


class Site:
    """A server and what is wrong with it: `defects` are what the event loop had to complain of."""

    def __init__(self, app: App, idle_timeout: float, grace: float) -> None:
        self.stop = asyncio.Event()
        self.defects: list[dict[str, Any]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.config = Config()
        self.config.keep_alive_timeout = idle_timeout
        self.config.h11_max_incomplete_size = 64 * 1024
        self.config.accesslog = self.config.errorlog = None
        self.handover = Handover(app, self.config)
        self.server = Server(app, self.handover, idle_timeout=idle_timeout, grace=grace)
        self.serving = asyncio.create_task(self.server.serve_on(self.listener, 100, self.stop))

    @contextlib.asynccontextmanager
    async def visitor(self, *, buffer: int = 0) -> AsyncIterator[Visitor]:
        """Connect; with `buffer` the caller's socket holds hardly more than that many bytes."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        visitor = Visitor(*await asyncio.open_connection(sock=sock, limit=buffer or 65536))
        try:
            yield visitor
        finally:
            visitor.writer.transport.abort()

    async def ask(self, *pieces: bytes, pause: float = 0.0) -> Answer:
        """Send bytes on a connection of their own."""
        async with self.visitor() as visitor:
            await visitor.send(*pieces, pause=pause)
            return await visitor.answer()


@contextlib.asynccontextmanager
async def site(app: App, *, idle_timeout: float = 30.0, grace: float = 1.0) -> AsyncIterator[Site]:
    """Serve; nothing may be left when it has been told to stop, and the event loop must have had no complaint."""
    asyncio.get_running_loop().set_exception_handler(lambda _, context: it.defects.append(context))
    it = Site(app, idle_timeout, grace)
    try:
        yield it
    finally:
        it.stop.set()
        async with asyncio.timeout(grace + SOON):
            await it.serving
    await asyncio.sleep(0.01)  # for what had been accepted in the last moment
    assert (it.server._connections, it.server._tasks, it.server._unflushed) == (set(), set(), [])
    assert it.defects == []


def only(it: Site) -> PlainConnection:
    """Return the one connection there is."""
    (connection,) = it.server._connections
    return connection


async def body_of(receive: Any) -> bytes:
    """Return the whole body; what came of it when the caller left."""
    pieces = []
    while (message := await receive())["type"] == "http.request":
        pieces.append(message["body"])
        if not message["more_body"]:
            break
    return b"".join(pieces)


async def say(send: Any, body: bytes = b"", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with what was asked."""
    body = await body_of(receive)
    line = b"%b %b?%b " % (scope["method"].encode(), scope["raw_path"], scope["query_string"])
    await say(send, line + body, 200, (b"content-length", b"%d" % len(line + body)))


async def until(fact: Callable[[], object]) -> None:
    """Return once it is so."""
    async with asyncio.timeout(SOON):
        while not fact():
            await asyncio.sleep(0.005)
