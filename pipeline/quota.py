"""The quotas of client keys: never over, whoever else serves them, and no store round trip per request."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from pipeline.costs import Costs
from pipeline.errors import Limited, ProxyError
from pipeline.keys import account_of

if TYPE_CHECKING:
    from pipeline.allowance import Allowance
    from pipeline.exchange import Exchange, Key
    from pipeline.holdings import Holdings
    from pipeline.ports import Clock, StateStore
    from pipeline.windows import Window, Windows

_SOON = 1.0
"""Seconds after which one of a key's requests may well have ended."""


class Limit(NamedTuple):
    """A limit of a key: the field that gives it, the window it counts in, and what it counts."""

    what: str
    field: str
    window: str
    measure: int
    title: str


PLACE, ONE, TOKENS, COST = range(4)
"""What a limit counts: requests under way, requests, tokens, or cost units."""

# The total comes last: nothing that follows can fail and give it back, so nobody is refused for what comes free again.
LIMITS = (
    Limit("concurrency", "concurrency", "", PLACE, "This key may have {limit} requests under way at once."),
    Limit("rpm", "rpm", "minute", ONE, "This key may send {limit} requests per minute."),
    Limit("tpm", "tpm", "minute", TOKENS, "This key may use {limit} tokens per minute."),
    Limit("day", "daily_quota", "day", COST, "This key's daily quota of {limit} is used up."),
    Limit("total", "total_quota", "", COST, "This key's quota of {limit} is used up."),
)


class Line(NamedTuple):
    """A limit as it holds for a key now."""

    allowance: Allowance
    measure: int
    limit: Limit
    end: float


class Charge:
    """What one request takes from the quotas of its key: reserved, then begun when its answer leaves, then settled."""

    __slots__ = ("_begun", "_parts", "cost")

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self._parts: list[tuple[Allowance, int, int]] = []
        self._begun = False

    def add(self, allowance: Allowance, amount: int, measure: int) -> None:
        """Add what was reserved of one more limit."""
        self._parts.append((allowance, amount, measure))

    def begin(self) -> None:
        """The answer is about to leave: from here on it counts, even if this process dies."""
        if self._begun:
            return
        self._begun = True
        for allowance, amount, measure in self._parts:
            if measure != PLACE:
                allowance.slot.begin(amount)

    def settle(self, *, charged: bool, tokens: int) -> None:
        """Charge or refund; `tokens` are what upstream counted, charged in either case. Only the first call counts."""
        if charged or tokens:
            self.begin()
        for allowance, amount, measure in self._parts:
            if measure == PLACE or not self._begun:
                allowance.release(amount)
            elif measure == TOKENS and tokens:
                allowance.end(amount, tokens)
            else:
                allowance.end(amount, amount if charged else 0)
        self._parts = []


def is_charged(x: Exchange, outcome: BaseException | None) -> bool:
    """Whether an exchange that ended so is paid for: who leaves while the answer is coming has had it."""
    return outcome is None or (isinstance(outcome, asyncio.CancelledError) and x.first_byte > 0)


class _Book(Struct):
    """The limits of one key, in the windows that hold until `end`."""

    key: Key
    lines: list[Line]
    start: float
    end: float


class Quotas:
    """Reserves and settles what keys may spend, in this worker."""

    def __init__(self, state: StateStore, clock: Clock, windows: Windows, holdings: Holdings) -> None:
        self.costs = Costs(state)
        self._clock = clock
        self._windows = windows
        self._holdings = holdings
        self._books: dict[str, _Book] = {}

    async def start(self) -> None:
        """Learn what models cost. Errors: StoreError."""
        await self.costs.following.start()

    def close(self) -> None:
        """Follow changes of costs no longer; the holdings belong to whoever made them."""
        self.costs.following.close()

    async def charge(self, key: Key, cost: int, tokens: int) -> Charge:
        """Reserve for one request of a key.

        Errors: Limited, with a retry_after where waiting helps; StoreError when the store is away and nothing is known.
        """
        now = self._clock.now()
        book = self._books.get(key.id)
        if book is None or book.key is not key or not book.start <= now < book.end:
            book = self._books[key.id] = self._open(key, now)
        charge = Charge(cost)
        amounts = (1, 1, tokens, cost)
        for allowance, measure, limit, end in book.lines:
            amount = amounts[measure]
            if measure == TOKENS:
                # An estimate over the whole limit must not shut a request out for ever.
                amount = min(amount, allowance.limit)
            if not amount:
                continue
            if not allowance.reserve(amount):
                try:
                    if not await allowance.obtain(amount):
                        raise _refusal(limit, allowance.limit, end - now)
                except (ProxyError, asyncio.CancelledError):
                    charge.settle(charged=False, tokens=0)
                    raise
            charge.add(allowance, amount, measure)
        return charge

    def _open(self, key: Key, now: float) -> _Book:
        """Return the limits that a key has now."""
        windows = {"minute": self._windows.minute(now), "day": self._windows.day(now)}
        lines = [self._line(key, limit, windows.get(limit.window)) for limit in LIMITS if getattr(key, limit.field)]
        hold = [windows[line.limit.window] for line in lines if line.limit.window]
        before = self._books.get(key.id)
        kept = {line.allowance.name for line in lines}
        for line in before.lines if before else ():
            line.allowance.retired = line.allowance.name not in kept
        start = max((window.start for window in hold), default=-math.inf)
        return _Book(key, lines, start, min((window.end for window in hold), default=math.inf))

    def _line(self, key: Key, limit: Limit, window: Window | None) -> Line:
        name = account_of(key.id, limit.what, window.name if window else "")
        allowance = self._holdings.allowance(name, getattr(key, limit.field), window)
        return Line(allowance, limit.measure, limit, window.end if window else math.inf)


def _refusal(limit: Limit, most: int, until: float) -> Limited:
    retry_after = until if limit.window else None if limit.measure == COST else _SOON
    error_type = "policy_budget" if limit.measure == COST else "policy_rate_limit"
    message = limit.title.format(limit=most)
    return Limited(message, error_type=error_type, retry_after=retry_after).by(limit.what, "key")
