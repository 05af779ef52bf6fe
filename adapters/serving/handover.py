"""Connections that are not plain go to hypercorn: WebSockets, HTTP/2, and whatever HTTP/1.1 can also look like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext

if TYPE_CHECKING:
    from hypercorn.config import Config
    from hypercorn.typing import ASGIFramework


class Handover:
    """Has hypercorn go on with connections of which some bytes have been read.

    Shape: its parts are put together as its own `serve` does, which takes sockets and no connections.
    """

    def __init__(self, app: object, config: Config) -> None:
        self._app = ASGIWrapper(cast("ASGIFramework", app))
        self._config = config
        self._context = WorkerContext(None)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, transport: asyncio.Transport, data: bytes) -> None:
        """Serve this connection from here on."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, self._serve, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    async def end(self, grace: float) -> None:
        """Take no further request, and let those under way end."""
        await self._context.terminated.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        loop = asyncio.get_running_loop()
        await TCPServer(self._app, loop, self._config, self._context, {}, reader, writer)
