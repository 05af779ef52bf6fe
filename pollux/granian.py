"""Serves with granian instead of hypercorn: the same raw ASGI application on a server written in Rust."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from granian.constants import Interfaces
from granian.server.embed import Server

if TYPE_CHECKING:
    from adapters.asgi import App


async def serve(app: App, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve on this socket's address until `stop` is set.

    Why: granian makes its sockets itself; on Linux several may be bound to one address, and the one given here only
    held the place.
    """
    host, port = listener.getsockname()[:2]
    listener.close()
    server = Server(app, address=host, port=port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    await stop.wait()
    server.stop()  # type: ignore[no-untyped-call]
    await serving
