"""Serves an ASGI application on a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from adapters.listening import stop_listening
from adapters.serving.connection import PlainConnection
from adapters.serving.handover import Handover
from adapters.serving.plain_request import PlainRequest
from adapters.serving.turn import TURN, Turn

log = structlog.get_logger("pollux.server")

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_TO_ABORT = 1.0
"""Seconds in which connections that were cut off are gone."""


class Server:
    """An ASGI application on a listening socket.

    Shape: `idle_timeout` is how long a connection may be without a request; `grace` how long requests under way may
        last once `serve` is told to stop.
    Units: seconds.
    """

    def __init__(self, app: Application, handover: Handover, *, idle_timeout: float, grace: float) -> None:
        self.idle_timeout = idle_timeout
        self.retiring = False
        self._app = app
        self._handover = handover
        self._grace = grace
        self._connections: set[PlainConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unflushed: list[PlainConnection] = []
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve_on(self, listener: socket.socket, backlog: int, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, and let what is under way end."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: PlainConnection(loop, self), sock=listener, backlog=backlog)
        await stop.wait()
        await stop_listening(server)
        self.retiring = True
        for connection in list(self._connections):
            connection.retire()
        await asyncio.gather(self._end(), self._handover.end(self._grace))

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(self._grace):
                await self._empty.wait()
                await self._answered()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._answered(_TO_ABORT)
            for task in self._tasks:
                task.cancel()

    async def _answered(self, seconds: float | None = None) -> None:
        """Wait for the application: it may have something to do yet when an answer is out."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    # For connections.

    def joined(self, connection: PlainConnection) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def parted(self, connection: PlainConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def serve(self, turn: Turn, request: PlainRequest, connection: PlainConnection) -> None:
        scope = request.scope(connection.client, connection.server)
        scope["extensions"][TURN] = turn
        task = asyncio.get_running_loop().create_task(self._answer(scope, turn))
        self._tasks.add(task)  # the loop itself forgets what nobody else knows
        task.add_done_callback(self._tasks.discard)

    def flush_soon(self, connection: PlainConnection) -> None:
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(connection)

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        self._handover.take(transport, data)

    def _flush(self) -> None:
        connections, self._unflushed = self._unflushed, []
        for connection in connections:
            connection.flush()

    async def _answer(self, scope: dict[str, Any], turn: Turn) -> None:
        try:
            await self._app(scope, turn.receive, turn.send)
        except Exception:  # the server outlives its application's defects
            log.exception("defect in the application")
        finally:
            turn.close()
