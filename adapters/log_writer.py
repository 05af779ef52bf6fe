"""Writes log lines from a thread of its own, so that a slow disk or terminal never holds a request up."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

MAX_BACKLOG = 20_000
MAX_FILE_BYTES = 50 * 1024 * 1024
OLD_FILES = 3

Heard = Callable[[list[bytes]], None]

_GATHER = 0.05
"""PERF: lines are written at most twenty times a second: waking a thread per line costs the loop more than the line."""


class LogWriter:
    """Appends lines to standard error, or to a file that is rotated when it has grown.

    Shape: several processes may write the same file. Lines beyond a backlog of 20,000 are dropped and counted in a line
        of their own. `heard` is told, in the writer's thread, of all others.
    """

    def __init__(
        self, file: Path | None = None, max_file_bytes: int = MAX_FILE_BYTES, heard: Heard | None = None
    ) -> None:
        self._file = file
        self._max_file_bytes = max_file_bytes
        self._heard = heard
        self._fd = _opened(file) if file else sys.stderr.fileno()
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="pollux-log", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Write a line soon; `line` ends with its newline."""
        if self._lines.qsize() < MAX_BACKLOG:
            self._lines.put(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what is left, and end."""
        self._lines.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        closing = False
        while not closing:
            batch = [self._lines.get()]
            if batch[-1] is not None:
                time.sleep(_GATHER)
            batch += self._waiting()
            closing = None in batch
            lines = [line for line in batch if line is not None]
            self._write(b"".join(lines))
            if self._heard is not None:
                self._heard(lines)

    def _waiting(self) -> list[bytes | None]:
        lines: list[bytes | None] = []
        try:
            while True:
                lines.append(self._lines.get_nowait())
        except Empty:
            return lines

    def _write(self, data: bytes) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            data += b'{"level":"warning","event":"log lines dropped","lines":%d}\n' % dropped
        try:
            if self._file:
                self._fd = _rotated(self._file, self._fd, self._max_file_bytes)
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # A full disk or a closed terminal must not take requests down with it.
            self._dropped += data.count(b"\n")


def rotated_files(file: Path) -> list[Path]:
    """Return the files that a log was moved away to, the latest first."""
    names = (file.with_name(f"{file.name}.{number}") for number in range(1, OLD_FILES + 1))
    return [name for name in names if name.exists()]


def _opened(file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _rotated(file: Path, fd: int, max_bytes: int) -> int:
    """Return the descriptor to write to: another one when the file has grown too long, or somebody has moved it."""
    if _is(file, fd) and os.fstat(fd).st_size < max_bytes:
        return fd
    # Two workers may see this at once; the one that comes second to the lock finds another file under the name.
    fcntl.flock(fd, fcntl.LOCK_EX)
    if _is(file, fd):
        for number in range(OLD_FILES, 0, -1):
            newer = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
            if newer.exists():
                newer.replace(file.with_name(f"{file.name}.{number}"))
    os.close(fd)
    return _opened(file)


def _is(file: Path, fd: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
