"""A wire to a server that can lose an answer: the request arrives, and the connection is gone."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack, suppress

from adapters.listening import stop_listening


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
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def lose_answer_to(self, request: bytes) -> None:
        """Lose the answer to the next request that has these bytes in it."""
        self._lose = request

    async def cut(self) -> None:
        """End all connections and take no more, until it is opened again."""
        await stop_listening(self._server)
        ends = list(self._ends)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await asyncio.sleep(0)  # in which their sockets are closed

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.create_task(self._pass(reader, writer))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with ExitStack() as closing:
            closing.callback(writer.close)
            if isinstance(self._target, int):
                there = await asyncio.open_connection("127.0.0.1", self._target)
            else:
                there = await asyncio.open_unix_connection(self._target)
            closing.callback(there[1].close)
            losing = asyncio.Event()
            both = (self._ask(reader, there[1], losing), self._answer(there[0], writer, losing))
            ends = [asyncio.create_task(end) for end in both]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)

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
