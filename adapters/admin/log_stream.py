"""Log lines as they are written, over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from starlette.websockets import WebSocket, WebSocketDisconnect

from adapters.admin.operation import Refusal
from adapters.admin.shapes import Level
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from adapters.admin.guard import Guard
    from adapters.admin.office import Office

PATHS = ("/api/v1/logs/stream", "/auth/logs/stream", "/logs/stream")

_BEFORE = 50
"""Lines from before, which come first."""

_REFUSED = 4401
"""Close codes from 4000 on are an application's own; 401 is what this one says."""

_GOING_AWAY = 1001
_LOOK = 0.5


class Filter(Struct):
    """Which lines."""

    level: Level = "debug"
    text: str = ""


def endpoint(office: Office, guard: Guard) -> Callable[[WebSocket], Awaitable[None]]:
    """Return what serves the stream: the latest lines first, then each as it comes; to sessions only."""

    async def stream(socket: WebSocket) -> None:
        try:
            await guard.admit(socket, in_query=True)
            wanted = msgspec.convert(dict(socket.query_params), Filter)
        except (Refusal, StoreError, msgspec.ValidationError):
            await socket.close(_REFUSED)  # before it was accepted: the caller sees 403
            return
        await socket.accept()
        tasks = [asyncio.create_task(each) for each in (_send(office, socket, wanted), _left(socket), _closing(office))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError, WebSocketDisconnect):
                    await task
        with suppress(RuntimeError):  # the caller was the first to close
            await socket.close(_GOING_AWAY)

    return stream


async def _left(socket: WebSocket) -> None:
    """Return when the caller has gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _closing(office: Office) -> None:
    """Return when the house is about to close: it would wait for this stream."""
    while not office.draining():  # noqa: ASYNC110  # the edge has a flag, and one look in half a second is cheap
        await asyncio.sleep(_LOOK)


async def _send(office: Office, socket: WebSocket, wanted: Filter) -> None:
    async with office.logs.subscribe(wanted.level, wanted.text) as following:
        for line in await office.logs.tail(_BEFORE, wanted.level, wanted.text):
            await socket.send_text(line)
        async for line in following:
            await socket.send_text(line)
