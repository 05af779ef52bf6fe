"""A bounded queue before a model, fair to callers: each of those who wait gets its turn, however much one asks."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal

from msgspec import Struct

from pipeline.errors import Limited

_ALPHA = 0.1  # how much the latest call counts in the average of how long one takes


NOTE = "queue"
"""Where an exchange notes its `Wait`, for the metrics."""


class Wait(Struct):
    """How long an exchange has waited for its turn, and how that ended."""

    seconds: float = 0.0
    outcome: Literal["waiting", "admitted", "timeout", "gone"] = "waiting"


class FairQueue:
    """Lets so many in at a time; the others wait in line, one line per caller, served in turn.

    Shape: `max_waiting` bounds all lines together.
    Units: `max_wait` in seconds.
    """

    def __init__(self, max_concurrency: int, max_waiting: int, max_wait: float) -> None:
        self._free = max_concurrency
        self._size = max_concurrency
        self._max_waiting = max_waiting
        self._max_wait = max_wait
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._waiting = 0
        self._seconds = 0.0

    @property
    def idle(self) -> bool:
        """Whether nobody is in or waits."""
        return self._free == self._size

    async def enter(self, caller: str) -> None:
        """Return when it is this caller's turn. Errors: Limited (proxy_queue_full) when that would take too long."""
        if self._free and not self._waiting:
            self._free -= 1
            return
        if self._waiting >= self._max_waiting or not self._max_wait:
            raise self._full(f"{self._waiting} requests wait for this model already.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(turn)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._max_wait):
                await turn
        except TimeoutError:
            self._give_back(turn)
            raise self._full(f"No turn came within {self._max_wait:g} s.") from None
        except asyncio.CancelledError:
            self._give_back(turn)
            raise
        finally:
            self._step_out(caller, turn)

    def leave(self, seconds: float) -> None:
        """Make room for the next. Units: `seconds` is how long this one was in."""
        self._seconds += _ALPHA * (seconds - self._seconds) if self._seconds else seconds
        self._free += 1
        self._call_next()

    def _call_next(self) -> None:
        while self._free and self._waiting:
            caller, line = next(iter(self._lines.items()))
            turn = line.popleft()
            self._waiting -= 1
            # A line that was served goes behind all others.
            del self._lines[caller]
            if line:
                self._lines[caller] = line
            if not turn.done():  # else its owner is leaving and does not know of it yet
                self._free -= 1
                turn.set_result(None)

    def _step_out(self, caller: str, turn: asyncio.Future[None]) -> None:
        """Leave the line without having been called."""
        line = self._lines.get(caller)
        if line and turn in line:
            line.remove(turn)
            self._waiting -= 1
            if not line:
                del self._lines[caller]

    def _give_back(self, turn: asyncio.Future[None]) -> None:
        """Pass on a turn that came at the very moment its owner left."""
        if turn.done() and not turn.cancelled():
            self._free += 1
            self._call_next()

    def _full(self, why: str) -> Limited:
        until_room = self._seconds * (self._waiting + 1) / self._size
        message, wait = f"{why} Come back later.", max(1.0, until_room)
        return Limited(message, error_type="proxy_queue_full", retry_after=wait).by("queue", "model")


class Queues:
    """One queue per model; those that nobody uses are dropped."""

    def __init__(self, max_concurrency: int, max_waiting: int, max_wait: float) -> None:
        self._options = (max_concurrency, max_waiting, max_wait)
        self._queues: dict[str, FairQueue] = {}

    async def enter(self, model: str, caller: str) -> None:
        """Return when it is this caller's turn at that model. Errors: Limited (proxy_queue_full)."""
        queue = self._queues.get(model)
        if queue is None:
            queue = self._queues[model] = FairQueue(*self._options)
        try:
            await queue.enter(caller)
        finally:
            self._drop_idle(model, queue)

    def leave(self, model: str, seconds: float) -> None:
        """Make room for the next at that model."""
        queue = self._queues[model]
        queue.leave(seconds)
        self._drop_idle(model, queue)

    def _drop_idle(self, model: str, queue: FairQueue) -> None:
        if queue.idle:
            self._queues.pop(model, None)
