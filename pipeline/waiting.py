"""Requests that wait for a part of an account, in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from pipeline.errors import StoreError

_Wait = tuple[int, asyncio.Future[bool]]

Grants = Callable[[int], bool]
"""Whether so much is granted; it is reserved then."""


class Waiting:
    """Those who wait; true while there are any. One who has left meanwhile is passed over."""

    def __init__(self) -> None:
        self._queue: deque[_Wait] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def needed(self) -> int:
        """How much all of them ask for."""
        return sum(amount for amount, future in self._queue if not future.done())

    async def join(self, amount: int, undo: Callable[[int], None]) -> bool:
        """Wait for so much; return whether it was granted. `undo` gives it back when that comes too late."""
        wait: _Wait = (amount, asyncio.get_running_loop().create_future())
        self._queue.append(wait)
        future = wait[1]
        try:
            return await future
        except asyncio.CancelledError:
            if wait in self._queue:
                self._queue.remove(wait)
            if not future.cancelled() and not future.exception() and future.result():
                undo(amount)
            raise

    def serve(self, grants: Grants) -> None:
        """Grant in order, until there is not enough for the next."""
        while self._queue:
            amount, future = self._queue[0]
            if not future.done():
                if not grants(amount):
                    return
                future.set_result(True)
            self._queue.popleft()

    def answer(self, grants: Grants) -> None:
        """Tell all of them now, be it a no. Errors: a StoreError of `grants` is theirs."""
        queue, self._queue = self._queue, deque()
        for amount, future in queue:
            if future.done():
                continue
            try:
                future.set_result(grants(amount))
            except StoreError as exc:
                future.set_exception(exc)
