"""A wire to a server that can lose an answer: the request arrives, and the connection is gone."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress


class Wire:
    """Passes bytes from a port of its own to a server. Shape: `target` is a port, or the path of a socket."""

    def __init__(self, target: int | str, tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._tls = tls
        self._lose = b""
        self._server: asyncio.Server
        self._ends: set[asyncio.Task[None]] = set()
        self.port = 0
        self.lost = 0

    async def open(self) -> Wire:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def lose_answer_to(self, request: bytes) -> None:
        """Lose the answer to the next request that has these bytes in it."""
        self._lose = request

    async def cut(self) -> None:
        """End all connections and take no more, until it is opened again."""
        self._server.close()
        for end in self._ends:
            end.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)
        self._ends.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._target, int):
            there = await asyncio.open_connection("127.0.0.1", self._target)
        else:
            there = await asyncio.open_unix_connection(self._target)
        losing = asyncio.Event()
        both = (self._ask(reader, there[1], losing), self._answer(there[0], writer, losing))
        ends = [asyncio.create_task(end) for end in both]
        self._ends.update(ends)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        for each in (writer, there[1]):
            each.close()
            with suppress(ConnectionError):
                await each.wait_closed()

    async def _ask(self, here: asyncio.StreamReader, there: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await here.read(65536):
                if self._lose and self._lose in data:
                    self._lose = b""
                    losing.set()
                there.write(data)
                await there.drain()

    async def _answer(self, there: asyncio.StreamReader, here: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await there.read(65536):
                if losing.is_set():
                    self.lost += 1
                    return
                here.write(data)
                await here.drain()
