"""Listeners that close without losing what they have just accepted."""

from __future__ import annotations

import asyncio

_TURNS = 3


async def stop_listening(server: asyncio.Server) -> None:
    """Close a listener, and no connection with it.

    Why: measured with Python 3.11, what asyncio's own loop has accepted, but not yet given a protocol when its listener
        closes, is neither served nor closed: it is met when garbage is collected. So nothing more is accepted, and
        what was accepted by then is through after three turns.
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    server.close()
