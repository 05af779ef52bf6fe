"""The calls of a request that takes several: side by side, each on an account of its own, joined in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from copy import copy
from typing import TYPE_CHECKING

from pipeline.errors import AllCooling, ProxyError
from pipeline.sources import summed

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Reply

AskPart = Callable[["Exchange"], Awaitable["Reply"]]
"""Asks upstream for the whole answer to one part."""


class Calls:
    """The calls of one exchange.

    Shape: each goes out as an exchange of its own, a part: its lease ends with it and not with the request, which may
        take more calls than a credential may have under way, and what it used is its own.
    """

    def __init__(self, x: Exchange, ask: AskPart) -> None:
        self._x = x
        self._ask = ask
        self._left: deque[tuple[int, Chunk]] = deque()
        self._answers: list[list[Chunk]] = []
        self._askers = 0

    async def joined(self, payloads: list[Chunk], side_by_side: int) -> AsyncGenerator[list[Chunk], None]:
        """Yield all answers at once, each event with the usage of all calls.

        Errors: that of the first call to fail, which ends the others.
        """
        self._left.extend(enumerate(payloads))
        self._answers = [[] for _ in payloads]
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(side_by_side, len(self._left))):
                    group.create_task(self._ask_on())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        used = {"usageMetadata": self._x.usage} if self._x.usage else {}
        yield [{**chunk, **used} for answer in self._answers for chunk in answer]

    async def _ask_on(self) -> None:
        self._askers += 1
        try:
            while self._left:
                number, payload = self._left.popleft()
                try:
                    self._answers[number] = await self._answer(number, payload)
                except AllCooling as exc:
                    if exc.error_type != "proxy_queue_full" or self._askers == 1:
                        raise
                    # The other calls may be what keeps the credentials busy: fewer at a time will do.
                    self._left.appendleft((number, payload))
                    return
        finally:
            self._askers -= 1

    async def _answer(self, number: int, payload: Chunk) -> list[Chunk]:
        x, part = self._x, self._part(number, payload)
        try:
            reply = await self._ask(part)
            for chunk in reply.first:
                part.note(chunk)
            for closer in part.closers:
                await closer(None)
        except ProxyError:
            x.lease = part.lease or x.lease  # the end of the exchange is put down to the one that failed
            raise
        finally:
            x.lease = x.lease or part.lease
            x.attempts += part.attempts - number
            x.usage = summed([x.usage, part.usage])
            part.release()
        return reply.first

    def _part(self, number: int, payload: Chunk) -> Exchange:
        part = copy(self._x)
        part.payload, part.parts = payload, len(self._answers)
        part.closers, part.usage, part.finish = [], {}, {}
        part.lease, part.attempts = None, number  # as if each call before it had been an attempt
        return part
