"""What was logged last: its tail, a live stream of it, all of it, and a clean slate."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ROOM = 1000
"""Lines that are kept in memory where there is no file, and that a subscriber may be behind."""

_BLOCK = 64 * 1024
_FARTHEST = 16 * 1024 * 1024
"""How far from its end a file is searched for lines that are rare."""

_LOOK = 0.2
"""Seconds between two looks at the file while somebody follows it."""

_LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}
_LEVEL = re.compile(r'"level":"(\w+)"|\[(debug|info|warning|error|critical)\s*\]')
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Filter:
    """Lets through the lines of at least a level that hold a text, whatever its case.

    Shape: a line without a level, as those of a traceback, goes the way of the line before it.
    """

    def __init__(self, level: str = "", text: str = "") -> None:
        self._least = _LEVELS.get(level, 0)
        self._text = text.lower()
        self._level = 0

    def passes(self, line: str) -> bool:
        """Whether this line goes through; lines come in their order."""
        found = _LEVEL.search(line)
        if found:
            self._level = _LEVELS.get(found[1] or found[2], 0)
        return self._level >= self._least and self._text in line.lower()


class Subscription:
    """Lines as they are written, for one reader. Shape: `dropped` are those it was too slow for."""

    def __init__(self, wanted: Filter) -> None:
        self.dropped = 0
        self._wanted = wanted
        self._lines: deque[str] = deque()
        self._came = asyncio.Event()

    def offer(self, lines: Iterable[bytes]) -> None:
        """Add what was written, as far as it is wanted; the oldest make room."""
        for line in map(_text_of, lines):
            if self._wanted.passes(line):
                if len(self._lines) == ROOM:
                    self._lines.popleft()
                    self.dropped += 1
                self._lines.append(line)
                self._came.set()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while not self._lines:
            self._came.clear()
            await self._came.wait()
        return self._lines.popleft()


class LogTail:
    """The log as it can be read.

    Shape: `shared` says whose log it is: that of all workers, where they write a file; without one each knows its own
        last lines only. `heard` is called in the log's own thread with what was written.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.shared = file is not None
        self._file = file
        self._ring: deque[bytes] = deque(maxlen=ROOM)
        self._subscriptions: dict[Subscription, Callable[[list[bytes]], None]] = {}

    def heard(self, lines: list[bytes]) -> None:
        """Remember what was written, where no file does."""
        if self._file is None:
            self._ring.extend(lines)
            for tell in list(self._subscriptions.values()):
                tell(lines)

    async def tail(self, lines: int, level: str = "", text: str = "") -> list[str]:
        """Return up to that many of the last lines that fit, the oldest first; reads the file from its end."""
        if self._file is None:
            return _fitting(reversed(self._ring.copy()), lines, Filter(level, text))
        return await asyncio.to_thread(_tail, self._file, lines, level, text)

    @asynccontextmanager
    async def subscribe(self, level: str = "", text: str = "") -> AsyncGenerator[Subscription, None]:
        """Follow what is written from now on."""
        loop, subscription = asyncio.get_running_loop(), Subscription(Filter(level, text))
        following = loop.create_task(_Follower(self._file).follow(subscription.offer)) if self._file else None
        self._subscriptions[subscription] = lambda lines: _safely(loop, subscription, lines)
        try:
            yield subscription
        finally:
            del self._subscriptions[subscription]
            if following is not None:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following

    async def clear(self) -> None:
        """Forget everything, for all workers: they append, and so go on at the beginning."""
        self._ring.clear()
        if self._file is not None:
            with suppress(FileNotFoundError):
                await asyncio.to_thread(os.truncate, self._file, 0)

    async def download(self) -> AsyncGenerator[bytes, None]:
        """Yield all that there is now, in pieces."""
        if self._file is None:
            yield b"".join(self._ring.copy())
            return
        async with aclosing(_pieces(self._file)) as pieces:
            async for piece in pieces:
                yield piece


def _safely(loop: asyncio.AbstractEventLoop, subscription: Subscription, lines: list[bytes]) -> None:
    with suppress(RuntimeError):  # the loop has ended before the log
        loop.call_soon_threadsafe(subscription.offer, lines)


def _tail(file: Path, count: int, level: str, text: str) -> list[str]:
    try:
        with file.open("rb") as opened:
            return _fitting(_backwards(opened), count, Filter(level, text))
    except FileNotFoundError:
        return []


def _fitting(backwards: Iterable[bytes], count: int, wanted: Filter) -> list[str]:
    found: list[str] = []
    unclaimed: list[str] = []  # lines without a level belong to one that stands before them, and so comes later here
    for line in map(_text_of, backwards):
        if len(found) >= count:
            break
        unclaimed.append(line)
        if _LEVEL.search(line):
            found += _claimed(unclaimed, wanted)
            unclaimed.clear()
    return [*found, *_claimed(unclaimed, wanted)][:count][::-1]


def _claimed(backwards: list[str], wanted: Filter) -> list[str]:
    return [line for line in reversed(backwards) if wanted.passes(line)][::-1]


def _backwards(file: BinaryIO) -> Iterable[bytes]:
    """Yield the lines of a file from the last to the first, reading blocks from its end."""
    position, rest = file.seek(0, os.SEEK_END), b""
    farthest = max(0, position - _FARTHEST)
    while position > farthest:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start) + rest
        position = start
        lines = block.split(b"\n")
        rest = lines.pop(0) if start else b""
        yield from (line for line in reversed(lines) if line)


async def _pieces(file: Path) -> AsyncGenerator[bytes, None]:
    try:
        opened = await asyncio.to_thread(file.open, "rb")
    except FileNotFoundError:
        return
    with opened:
        left = os.fstat(opened.fileno()).st_size
        while left and (piece := await asyncio.to_thread(opened.read, min(_BLOCK, left))):
            left -= len(piece)
            yield piece


class _Follower:
    """Reads what is appended to a file, also after that was emptied, or moved away and begun anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opened: BinaryIO | None = None
        self._rest = b""
        self._open(os.SEEK_END)

    async def follow(self, offer: Callable[[list[bytes]], None]) -> None:
        """Hand over whole lines as they come."""
        try:
            while True:
                *lines, self._rest = (self._rest + await asyncio.to_thread(self._appended)).split(b"\n")
                if lines:
                    offer(lines)
                else:
                    await asyncio.sleep(_LOOK)
        finally:
            if self._opened is not None:
                self._opened.close()

    def _appended(self) -> bytes:
        if self._opened is None:
            self._open(os.SEEK_SET)
            return b""
        if os.fstat(self._opened.fileno()).st_size < self._opened.tell():
            self._opened.seek(0)
        data = self._opened.read(_BLOCK)
        if not data and not self._is_in_place(self._opened):
            self._opened.close()
            self._open(os.SEEK_SET)
        return data

    def _open(self, whence: int) -> None:
        try:
            self._opened = self._file.open("rb", buffering=0)
            self._opened.seek(0, whence)
        except FileNotFoundError:
            self._opened = None

    def _is_in_place(self, opened: BinaryIO) -> bool:
        try:
            return os.path.samestat(self._file.stat(), os.fstat(opened.fileno()))
        except FileNotFoundError:
            return False


def _text_of(line: bytes) -> str:
    return _COLOUR.sub("", line.decode("utf-8", "replace").rstrip("\n"))
