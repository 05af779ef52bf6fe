"""One worker process: the house wired up, served by hypercorn on a socket that the parent opened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from pipeline.errors import StoreError
from pollux.problem import EX_CONFIG

if TYPE_CHECKING:
    from pollux.config import Loaded

_AFTER_GRACE = 8.0
"""Seconds that hypercorn waits beyond the grace period, in which broken-off streams say why."""


def run(
    loaded: Loaded, listener: socket.socket, index: int = 0, environ: Mapping[str, str] | None = None
) -> int:
    """Serve on this socket until SIGTERM or SIGINT; return the exit code."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            runner.run(_serve(loaded, listener, index, environ))
        except StoreError as exc:
            print(f"pollux: {exc.message}", file=sys.stderr)
            return EX_CONFIG
    return 0


async def _serve(
    loaded: Loaded, listener: socket.socket, index: int, environ: Mapping[str, str] | None
) -> None:
    from pollux.wiring import House

    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    server = loaded.settings.server
    house = await House.open(loaded, index, environ)
    try:
        orphaned = asyncio.create_task(_watch_parent(stop))
        drain = asyncio.create_task(_drain(house, stop, server.grace))
        await serve(house.app, _hypercorn(loaded, listener), shutdown_trigger=stop.wait)
        orphaned.cancel()
        await drain
    finally:
        await house.close()


async def _drain(house: Any, stop: asyncio.Event, grace: float) -> None:
    await stop.wait()
    await house.app.drain(grace)


async def _watch_parent(stop: asyncio.Event) -> None:
    """Stop when the parent is gone: nobody would restart or drain this worker any more."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1.0)
    stop.set()


def _hypercorn(loaded: Loaded, listener: socket.socket) -> Config:
    server = loaded.settings.server
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    # Hypercorn closes a connection that has brought no whole request head for this long, idle or dripping.
    config.keep_alive_timeout = server.idle_timeout
    config.graceful_timeout = server.grace + _AFTER_GRACE
    config.h11_max_incomplete_size = 64 * 1024
    config.include_server_header = False
    config.include_date_header = True
    config.accesslog = None
    config.errorlog = None
    return config


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with contextlib.suppress(ImportError):
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return None


def main() -> int:
    """Run as a child of the supervisor: `python -m pollux.worker FD INDEX`, configuration as the parent's."""
    from pollux.config import load
    from pollux.serve import with_passwords

    listener = socket.socket(fileno=int(sys.argv[1]))
    path = os.environ.get("POLLUX_CONFIG")
    loaded, _ = with_passwords(load(path, os.environ))
    return run(loaded, listener, int(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(main())
