"""A party at the other end of a real socket that follows a script, and a transport that talks to it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from adapters.listening import stop_listening
from adapters.transport import Http1Transport, Timeouts
from pipeline.errors import Broken
from pipeline.ports import Call, Origin

if TYPE_CHECKING:
    import ssl

SOON = 0.1
"""Within how many seconds upstream must notice that nobody listens any more."""


class Talk:
    """One accepted connection, seen from the peer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read one whole request; head and body as they came."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return head + await self.reader.readexactly(length)

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Return once the other side has closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Talk], Awaitable[object]]


class Peer:
    """A server on a port of its own; it keeps its `talks` and says when the first script has `finished`."""

    def __init__(self, scripts: tuple[Script, ...]) -> None:
        self.port = 0
        self.talks: list[Talk] = []
        self.finished = asyncio.Event()
        self._scripts = scripts
        self._tasks: list[asyncio.Task[object]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        script = self._scripts[min(len(self.talks), len(self._scripts) - 1)]
        self.talks.append(talk)
        self._tasks.append(asyncio.get_running_loop().create_task(self._follow(script, talk)))

    async def _follow(self, script: Script, talk: Talk) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(talk)
        finally:
            self.finished.set()
            talk.writer.close()
            with contextlib.suppress(ConnectionError):
                await talk.writer.wait_closed()

    async def close(self) -> None:
        for talk in self.talks:
            talk.writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def peer(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve: the first connection follows the first script, and so on; the last script serves all the others."""
    it = Peer(scripts)
    server = await asyncio.start_server(it.accept, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        await stop_listening(server)
        await it.close()


def says(*pieces: bytes, pause: float = 0.0) -> Script:
    """Answer every request on the connection with these pieces."""

    async def script(talk: Talk) -> None:
        while True:
            await talk.request()
            await talk.send(*pieces, pause=pause)

    return script


def says_once(*pieces: bytes, pause: float = 0.0) -> Script:
    """Answer one request and hang up."""

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces, pause=pause)

    return script


def holds(*pieces: bytes) -> Script:
    """Answer one request, then say nothing until the other side leaves."""

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces)
        await talk.gone()

    return script


HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
QUICK = Timeouts(connect=0.2, first_byte=0.2, idle=0.2, keep_alive=0.2)


@contextlib.asynccontextmanager
async def to(
    *scripts: Script, timeouts: Timeouts | None = None, **options: Any
) -> AsyncIterator[tuple[Http1Transport, Origin, Peer]]:
    async with peer(*scripts) as upstream:
        transport = Http1Transport(timeouts, **options)
        try:
            yield transport, Origin("http", "127.0.0.1", upstream.port), upstream
        finally:
            await transport.close()


def call(origin: Origin, method: str = "POST", body: bytes = b"{}", **rest: Any) -> Call:
    return Call(origin, "/v1/x?alt=sse", [(b"x-goog-api-key", b"test-key-1")], body, method, **rest)


async def body_of(*scripts: Script, timeouts: Timeouts = QUICK, method: str = "POST") -> bytes:
    async with to(*scripts, timeouts=timeouts) as (transport, origin, _):
        answer = await transport.send(call(origin, method))
        return await answer.read_all()


async def failure_of(*scripts: Script, timeouts: Timeouts = QUICK) -> Broken:
    with pytest.raises(Broken) as caught:
        await body_of(*scripts, timeouts=timeouts)
    return caught.value


def scenarios(module: dict[str, Any]) -> pytest.MarkDecorator:
    """Parametrise with every test of a module that needs no fixture, so that it runs on uvloop too."""
    tests = [value for name, value in module.items() if name.startswith("test_")]
    plain = [test for test in tests if inspect.iscoroutinefunction(test) and not inspect.signature(test).parameters]
    return pytest.mark.parametrize("scenario", plain, ids=lambda each: each.__name__)
