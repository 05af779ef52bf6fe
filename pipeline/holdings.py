"""What this worker has on lease of all quotas: looked after, given back, and settled by another when it dies."""

from __future__ import annotations

import asyncio
import math
import re
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pipeline.allowance import NO_LIMIT, Allowance
from pipeline.errors import StoreError
from pipeline.ports import Account
from pipeline.spending import Spending, left_behind

if TYPE_CHECKING:
    from pipeline.ports import Clock, StateStore
    from pipeline.windows import Window, Windows

log = structlog.get_logger("pollux.quota")

_INTERVAL = 0.25
"""Seconds between looks at the store, while anything is leased."""
_AFTERLIFE = 1.0
"""Seconds after which nothing comes from a dead worker any more, and between looks for such."""
_PRUNE = 60.0
_TO_SETTLE = 5.0
"""Seconds that the last settlement may take."""
_WINDOW = re.compile(r"/(\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?)$")


class Holdings:
    """The allowances of a worker, of whatever accounts.

    Shape: the first part of an account's name, up to its `/`, is its kind. `folder` keeps the files by which a worker
        that was killed is settled; the workers of a machine share it.
    """

    def __init__(self, state: StateStore, clock: Clock, windows: Windows, folder: Path) -> None:
        self._state = state
        self._clock = clock
        self._windows = windows
        self._folder = folder
        self._spending = Spending.new(folder)
        self._started = clock.now()
        self._away = False
        self._allowances: dict[str, Allowance] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to look after leases, and to settle what dead workers left."""
        self._tasks = [asyncio.create_task(work) for work in (self._look_after(), self._tidy())]

    def allowance(self, name: str, limit: int, window: Window | None = None, *, advisory: bool = False) -> Allowance:
        """Return what this worker may spend of an account, under this limit from now on; see there."""
        allowance = self._allowances.get(name)
        if allowance is None:
            fresh = window is not None and window.start > self._started
            allowance = self._allowances[name] = Allowance(
                name, limit, self._state, self._clock, self._spending, fresh=fresh, advisory=advisory
            )
            if self._away:
                allowance.lose()
        allowance.limit, allowance.retired = limit, False
        return allowance

    async def look(self, kind: str) -> None:
        """Learn how all accounts of a kind stand. Errors: StoreError."""
        accounts = await self._state.accounts(f"{kind}/")
        for name, allowance in self._allowances.items():
            if name.startswith(f"{kind}/"):
                allowance.learn(accounts.get(name, Account()))

    async def sync(self) -> None:
        """Settle, give back what others may need, and forget windows that have passed."""
        active = []
        for name, each in list(self._allowances.items()):
            if not each.settled:
                active.append(each)
            elif each.retired:
                del self._allowances[name]
                self._spending.forget(name)
        for kind, group in groupby(sorted(active, key=_kind), _kind):
            await self._sync(kind, list(group))

    async def close(self) -> None:
        """Settle and give back everything; what the store does not take in time is settled by the next start."""
        for task in self._tasks:
            task.cancel()
        try:
            async with asyncio.timeout(_TO_SETTLE):
                await asyncio.gather(*self._tasks, return_exceptions=True)
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
        oldest = {len(name): name for name in (self._windows.minute(earliest).name, self._windows.day(earliest).name)}
        for account in await self._state.accounts(""):
            window = _WINDOW.search(account)
            if window is not None and window[1] < oldest[len(window[1])]:
                await self._state.close_account(account)

    async def _sync(self, kind: str, active: list[Allowance]) -> None:
        first = active[0]
        # One look for all: a store that holds many accounts is not asked for each of them. Who counts advisory ones
        # looks at them all now and then; here it is enough to know that the store is there.
        everything = len(active) > 1 and not first.advisory
        try:
            accounts = await self._state.accounts(f"{kind}/" if everything else first.name)
        except StoreError:
            self._away = True
            for each in active:
                each.lose()
            return
        self._away = False
        for each in active:
            await each.sync(accounts.get(each.name, Account()) if everything or each is first else None)

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


def _kind(allowance: Allowance) -> str:
    return allowance.name.partition("/")[0]
