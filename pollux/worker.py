"""One worker process: the house wired up, serving on a socket that the parent opened."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from adapters.logs import Logs, configure
from adapters.serving.handover import Handover
from adapters.serving.server import Server as HttpServer
from pipeline.errors import StoreAway, StoreError
from pollux.listener import BACKLOG, address, bind
from pollux.loop import loop_factory
from pollux.problem import EX_CONFIG, EX_UNAVAILABLE, ConfigErrors

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

    from pollux.config import Loaded
    from pollux.settings import Server
    from pollux.wiring import House

_AFTER_GRACE = 8.0
"""Seconds that the server waits beyond the grace period, in which broken-off streams say why."""

_MOST = 2_000_000.0
"""Seconds that the kernel can count in milliseconds: three weeks."""


def run(
    loaded: Loaded,
    listener: socket.socket,
    index: int = 0,
    environ: Mapping[str, str] | None = None,
    supervisor: int | None = None,
) -> int:
    """Serve on this socket until SIGTERM or SIGINT, and read the configuration anew on SIGHUP; return the exit code.

    Shape: `supervisor` is the process that would start another worker in the place of this one.
    """
    try:
        with closing(_logs(loaded)) as logs, asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(loaded, listener, index, environ, logs, supervisor))
    except (ConfigErrors, StoreError) as exc:
        sys.stderr.write(f"pollux: {exc}\n")  # in one piece: other workers may say the same at this moment
        return EX_UNAVAILABLE if isinstance(exc, StoreAway) else EX_CONFIG
    return 0


def _logs(loaded: Loaded) -> Logs:
    wanted = loaded.settings.logging
    try:
        return configure(wanted.level, wanted.format, wanted.file)
    except OSError as exc:
        wrong = f"cannot write {wanted.file}: {exc.strerror or exc}"
        raise ConfigErrors([loaded.problem(("logging", "file"), wrong)]) from exc


async def _serve(
    loaded: Loaded,
    listener: socket.socket,
    index: int,
    environ: Mapping[str, str] | None,
    logs: Logs,
    supervisor: int | None,
) -> None:
    from pollux.wiring import House

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    house = await House.open(loaded, index, environ, logs)
    loop.add_signal_handler(signal.SIGHUP, hung_up(house.reloader.wake, stop.set))
    # The supervisor starts its workers with the signal held back: one that comes too early must not end them.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    orphaned: asyncio.Task[None] | None = None
    if supervisor is not None:
        house.reloader.others = partial(os.kill, supervisor, signal.SIGHUP)
        orphaned = asyncio.create_task(_watch(supervisor, stop))
    _settle_garbage()
    try:
        await serve_house(house, listener, stop)
    finally:
        if orphaned is not None:
            orphaned.cancel()
        await house.close()


def hung_up(reload: Callable[[], None], stop: Callable[[], None]) -> Callable[[], None]:
    """Return what to do on SIGHUP: stop when the terminal that all began on is gone, else read the configuration."""
    terminal = os.isatty(0)
    return lambda: stop() if terminal and not os.isatty(0) else reload()


def _settle_garbage() -> None:
    """Keep what lives as long as the process out of every collection, and collect less often.

    PERF: a request makes a thousand short-lived objects and hardly a cycle; the default threshold of 700 collects with
    every request (benchmarks/unary.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


async def serve_house(house: House, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve on this socket until `stop` is set, and let what is under way end."""
    settings = house.loaded.settings
    # A worker that takes the place of a dead one takes the listener too.
    metrics = _metrics_listener(house.loaded) if settings.metrics.bind and house.index == 0 else None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_drain(house, stop))
        if metrics is not None:
            config = _config(f"fd://{metrics.detach()}", settings.server)
            tasks.create_task(_serve_app(house.metrics_pages(), config, stop))
        if settings.server.engine == "granian":
            from pollux import granian

            tasks.create_task(granian.serve(house.app, listener, stop))
            return
        house.bound_silence = partial(_bound_silence, listener)
        house.bound_silence(settings.server.send_timeout)
        grace = settings.server.grace + _AFTER_GRACE
        handover = Handover(house.app, _config("", settings.server))
        server = HttpServer(house.app, handover, idle_timeout=settings.server.idle_timeout, grace=grace)
        tasks.create_task(server.serve_on(listener, BACKLOG, stop))


def _metrics_listener(loaded: Loaded) -> socket.socket:
    where = loaded.settings.metrics.bind
    try:
        return bind(*address(where))
    except OSError as exc:
        wrong = f"cannot listen on {where}: {exc.strerror or exc}"
        raise ConfigErrors([loaded.problem(("metrics", "bind"), wrong)]) from exc


def _bound_silence(listener: socket.socket, seconds: float) -> None:
    """Have the kernel drop connections whose callers take nothing for so long; what is accepted here inherits it.

    Why: when a caller that does not read is given up, its connection would still wait for ever to be flushed.
    Source: RFC 5482; tcp(7), which bounds a closed window by it too. Elsewhere than on Linux keep-alive has to do.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        with suppress(OSError):  # one that is closed by now accepts nothing more
            listener.setsockopt(socket.IPPROTO_TCP, option, int(min(seconds, _MOST) * 1000))


async def _serve_app(app: object, config: Config, stop: asyncio.Event) -> None:
    await serve(cast("ASGIFramework", app), config, shutdown_trigger=stop.wait)


async def _drain(house: House, stop: asyncio.Event) -> None:
    await stop.wait()
    await house.app.drain(house.loaded.settings.server.grace)


async def _watch(supervisor: int, stop: asyncio.Event) -> None:
    """Stop when the supervisor is gone: nobody would restart or drain this worker any more."""
    while os.getppid() == supervisor:  # noqa: ASYNC110  # nothing else tells of a parent's death
        await asyncio.sleep(1.0)
    stop.set()


def _config(bind: str, server: Server) -> Config:
    config = Config()
    config.bind = [bind]
    config.backlog = BACKLOG
    # Hypercorn closes a connection that has brought no whole request head for this long, idle or dripping.
    config.keep_alive_timeout = server.idle_timeout
    config.graceful_timeout = server.grace + _AFTER_GRACE
    config.h11_max_incomplete_size = 64 * 1024
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.keep_alive_max_requests = 1_000_000  # idle_timeout bounds connections, not a count
    return config


def main() -> int:
    """Run as a child of the supervisor: `python -m pollux.worker FD INDEX`, configuration as the parent's."""
    from pollux.config import load
    from pollux.serve import with_passwords

    listener = socket.socket(fileno=int(sys.argv[1]))
    path = os.environ.get("POLLUX_CONFIG")
    loaded, _ = with_passwords(load(path, os.environ))
    return run(loaded, listener, int(sys.argv[2]), supervisor=os.getppid())


if __name__ == "__main__":
    sys.exit(main())
