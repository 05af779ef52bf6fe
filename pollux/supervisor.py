"""Keeps N worker processes on one listening socket: starts, restarts, drains them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from socket import socket

import structlog

from adapters.metrics import SharedMetrics
from pollux.problem import EX_CONFIG, EX_UNAVAILABLE

log = structlog.get_logger("pollux.supervisor")

_POLL = 0.1
_CANNOT_START = {EX_CONFIG, EX_UNAVAILABLE}
_PAUSE_BEFORE_RESTART = 1.0


class Supervisor:
    """The parent of several workers; serves nothing itself.

    Units: `grace` in seconds: how long a drained worker may take before it is killed.
    """

    def __init__(self, listener: socket, workers: int, environ: Mapping[str, str], grace: float) -> None:
        self._listener = listener
        self._count = workers
        self._environ = dict(environ)
        self._grace = grace
        self._stopping = False
        self._terminal = os.isatty(0)
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._restart_at: dict[int, float] = {}
        self._replaced: set[int] = set()
        self._metrics = SharedMetrics()

    def run(self) -> int:
        """Serve until a signal asks to stop; return the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._hung_up)
        self._environ["POLLUX_METRICS_DIR"] = str(self._metrics.directory)
        try:
            for index in range(self._count):
                self._start(index)
            while not self._stopping:
                time.sleep(_POLL)
                self._reap()
                self._restart()
            return self._drain()
        finally:
            self._metrics.remove()

    def _start(self, index: int) -> None:
        command = [sys.executable, "-m", "pollux.worker", str(self._listener.fileno()), str(index)]
        fd = self._listener.fileno()
        environ = {**self._environ, "POLLUX_RESTARTED": "1"} if index in self._replaced else self._environ
        # A worker that is still starting would die of a SIGHUP: it inherits that it is held back, until it can take it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            self._children[index] = subprocess.Popen(command, env=environ, pass_fds=[fd])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def _reap(self) -> None:
        for index, child in list(self._children.items()):
            if child.poll() is None:
                continue
            self._metrics.dead(index)
            if child.returncode in _CANNOT_START and index not in self._replaced:
                # What the first worker cannot start with is wrong; what a later one meets, a store away, may pass.
                self._stopping = True
                return
            log.error("worker died, starting another", worker=index, exit_code=child.returncode)
            del self._children[index]
            self._replaced.add(index)
            self._restart_at[index] = time.monotonic() + _PAUSE_BEFORE_RESTART

    def _restart(self) -> None:
        for index, due in list(self._restart_at.items()):
            if time.monotonic() >= due:
                del self._restart_at[index]
                self._start(index)

    def _drain(self) -> int:
        # As long as anybody has it, the kernel goes on taking connections that no worker accepts any more.
        self._listener.close()
        children = list(self._children.values())
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace + 10
        for child in children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        failed = [child.returncode for child in children if child.returncode in _CANNOT_START]
        return failed[0] if failed else 0

    def _stop(self, signum: int, frame: object) -> None:
        self._stopping = True

    def _hung_up(self, signum: int, frame: object) -> None:
        """Have the workers read the configuration anew, or stop when the terminal that all began on is gone."""
        if self._terminal and not os.isatty(0):
            self._stopping = True
            return
        for child in list(self._children.values()):
            if child.poll() is None:
                child.send_signal(signal.SIGHUP)
