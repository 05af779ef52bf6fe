"""What reached the simulated Google, and how each exchange ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from adapters.simulator.wire import Request

_KEPT = 10_000


class Entry(Struct):
    """One request that was received.

    Shape: `body` is the parsed JSON, or the form, or None. `finished` is when the reply had been delivered as
    planned, `closed` when the client left before that. Units: seconds by the event loop's clock.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    started: float
    status: int = 0
    finished: float | None = None
    closed: float | None = None


class Journal:
    """Every request in order of arrival; tests ask it what happened and wait for what should."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=_KEPT)
        self._watchers: list[asyncio.Future[None]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Entry:
        return self.entries[index]

    def add(self, request: Request) -> Entry:
        """Write down a request that just arrived."""
        started = asyncio.get_running_loop().time()
        body = request.json() if not _is_form(request) else request.form()
        entry = Entry(request.method, request.path, request.query, request.headers, body, started)
        self.entries.append(entry)
        self.changed()
        return entry

    def matching(self, path: str) -> list[Entry]:
        """The entries whose path contains this text."""
        return [entry for entry in self.entries if path in entry.path]

    def changed(self) -> None:
        """Wake those who wait for something to happen."""
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)
        self._watchers.clear()

    async def until(self, condition: Callable[[], bool], within: float) -> None:
        """Wait until the condition holds.

        Errors: `TimeoutError`. Units: seconds.
        """
        async with asyncio.timeout(within):
            while not condition():
                watcher = asyncio.get_running_loop().create_future()
                self._watchers.append(watcher)
                await watcher


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
