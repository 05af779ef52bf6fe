"""The quotas of client keys: never over, whoever else serves them, and no store round trip per request."""

from __future__ import annotations

import asyncio
import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog
from msgspec import Struct

from pipeline.allowance import NO_LIMIT, Allowance
from pipeline.costs import Costs
from pipeline.errors import Limited, ProxyError, StoreError
from pipeline.keys import KIND, account_of
from pipeline.ports import Account
from pipeline.spending import Spending, left_behind

if TYPE_CHECKING:
    from pipeline.exchange import Exchange, Key
    from pipeline.ports import Clock, StateStore
    from pipeline.windows import Window, Windows

log = structlog.get_logger("pollux.quota")

_INTERVAL = 0.25
"""Seconds between looks at the store, while anything is leased."""
_AFTERLIFE = 1.0
"""Seconds after which nothing comes from a dead worker any more, and between looks for such."""
_PRUNE = 60.0
_SOON = 1.0
"""Seconds after which one of a key's requests may well have ended."""
_TO_SETTLE = 5.0
"""Seconds that the last settlement may take."""


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
    """Reserves and settles what keys may spend, in this worker.

    Shape: `folder` keeps the files by which a worker that was killed is settled; the workers of a machine share it.
    """

    def __init__(self, state: StateStore, clock: Clock, windows: Windows, folder: Path) -> None:
        self.costs = Costs(state)
        self._state = state
        self._clock = clock
        self._windows = windows
        self._folder = folder
        self._spending = Spending.new(folder)
        self._started = clock.now()
        self._books: dict[str, _Book] = {}
        self._allowances: dict[str, Allowance] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to look after leases, and to settle what dead workers left. Errors: StoreError."""
        await self.costs.following.start()
        self._tasks = [asyncio.create_task(work) for work in (self._look_after(), self._tidy())]

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

    async def sync(self) -> None:
        """Settle, give back what others may need, and forget windows that have passed."""
        self._forget()
        active = [each for each in self._allowances.values() if not each.settled]
        if not active:
            return
        try:
            # One look for all: a store that holds many accounts is not asked for each of them.
            accounts = await self._state.accounts(active[0].name if len(active) == 1 else f"{KIND}/")
        except StoreError:
            for each in active:
                each.lose()
            return
        for each in active:
            await each.sync(accounts.get(each.name, Account()))

    async def close(self) -> None:
        """Settle and give back everything; what the store does not take in time is settled by the next start."""
        self.costs.following.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_TO_SETTLE):
                for each in self._allowances.values():
                    await each.close()
        except (StoreError, TimeoutError) as exc:
            log.warning("quotas not settled; the next start does it", error=str(exc))
        else:
            self._spending.remove()
        self._spending.close()

    async def prune(self) -> None:
        """Forget the accounts of windows that have passed, once for all workers. Errors: StoreError."""
        if not await self._state.claim("prune-accounts", self._spending.holder, _PRUNE):
            return
        # Minutes and days before this one; another machine's clock may be a little behind.
        earliest = self._clock.now() - 2 * _PRUNE
        names = {"minute": self._windows.minute(earliest).name, "day": self._windows.day(earliest).name}
        oldest = {limit.what: names[limit.window] for limit in LIMITS if limit.window}
        for account in await self._state.accounts(f"{KIND}/"):
            _, _, what, window = f"{account}/".split("/", 3)
            if window and window[:-1] < oldest[what]:
                await self._state.close_account(account)

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
        most = getattr(key, limit.field)
        allowance = self._allowances.get(name)
        if allowance is None:
            fresh = window is not None and window.start > self._started
            allowance = Allowance(name, most, self._state, self._clock, self._spending, fresh=fresh)
            self._allowances[name] = allowance
        allowance.limit, allowance.retired = most, False
        return Line(allowance, limit.measure, limit, window.end if window else math.inf)

    def _forget(self) -> None:
        passed = [each for each in self._allowances.values() if each.retired and each.settled]
        for each in passed:
            del self._allowances[each.name]
            self._spending.forget(each.name)

    async def _look_after(self) -> None:
        while True:
            await self._clock.sleep(_INTERVAL)
            await self.sync()

    async def _tidy(self) -> None:
        pruned = -math.inf
        while True:
            try:
                await self._bury()
                if self._clock.tick() - pruned >= _PRUNE:
                    pruned = self._clock.tick()
                    await self.prune()
            except (StoreError, OSError) as exc:
                log.warning("quotas not tidied, trying again", error=str(exc))
            await self._clock.sleep(_AFTERLIFE)

    async def _bury(self) -> None:
        """Settle what the workers of this machine that died had on lease. Errors: StoreError, OSError."""
        with ExitStack() as stack:
            dead = list(left_behind(self._folder))
            for spending in dead:
                stack.callback(spending.close)
            if dead:
                # What they asked of the store with their last breath may still be on its way there.
                await self._clock.sleep(_AFTERLIFE)
            for spending in dead:
                await settle_dead(self._state, spending)
                log.warning("settled for a worker that died", holder=spending.holder)


async def settle_dead(state: StateStore, spending: Spending) -> None:
    """Settle what a dead holder has spent, give back the rest of its leases, and remove its file.

    Errors: StoreError; the file stays, and settling it again is safe.
    """
    for name, slot in spending.accounts():
        leased = (await state.accounts(name)).get(name, Account()).leased.get(spending.holder, 0)
        slot.resolve(leased)
        slot.bury()
        if slot.unsettled > leased:  # spent on credit
            leased += await state.take(name, spending.holder, slot.unsettled - leased, NO_LIMIT)
        if leased:
            spent = slot.intend(0)
            await state.settle(name, spending.holder, spent, leased - spent)
            slot.settle()
    spending.remove()


def _refusal(limit: Limit, most: int, until: float) -> Limited:
    retry_after = until if limit.window else None if limit.measure == COST else _SOON
    error_type = "policy_budget" if limit.measure == COST else "policy_rate_limit"
    message = limit.title.format(limit=most)
    return Limited(message, error_type=error_type, retry_after=retry_after).by(limit.what, "key")
