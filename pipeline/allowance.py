"""What one worker may still spend of one account: leased from the store in blocks, so that requests need not ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import StoreError
from pipeline.ports import Account
from pipeline.waiting import Waiting

if TYPE_CHECKING:
    from pipeline.ports import Clock, StateStore
    from pipeline.spending import Spending

T = TypeVar("T")

NO_LIMIT = 2**50
"""The limit under which what was spent on credit is taken: it has been spent."""

SHARE = 16
"""A block is at most this part of what is left, so that blocks shrink to single units as it comes to its end."""

_MOST = 512
"""Requests that a block is for at most."""
_KEEP = 240
"""Looks at the store without a request, after which a lease is given back although nobody misses it."""
PATIENCE = 1.5
"""Seconds to wait for what other workers have on lease: longer than they take to notice that nothing is left."""
REST = 0.25
"""Seconds for which a refusal holds without asking again."""
_POLL = 0.05
_SLOW = 1.0
"""Seconds after which a store that does not answer counts as away."""


class Allowance:
    """One account at one worker.

    Shape: `free` is leased and neither in use nor spent; below zero it is owed to the store. `credit` is how far below
        it may fall while the store is away. `fresh` says that nobody can have spent of this account yet. One that is
        `advisory` counts along with somebody who refuses in the end: nobody waits for what other workers have on lease,
        and where nothing is known while the store is away, nothing counts as spent. `elsewhere` is what others had
        spent when the store was last looked at.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        state: StateStore,
        clock: Clock,
        spending: Spending,
        *,
        fresh: bool = False,
        advisory: bool = False,
    ) -> None:
        self.name, self.limit = name, limit
        self.free = self.credit = self.elsewhere = 0
        self.advisory, self.retired = advisory, False
        self.slot, self._holder = spending.slot(name), spending.holder
        self._state, self._clock = state, clock
        self._leased = self._held = self._low = self._idle = 0
        self._left: int | None = limit if fresh else None
        self._patience = 0.0 if advisory else PATIENCE
        self._usual = 1
        self._away = self._unsure = False
        self._refused = (0, 0.0)
        self._asking = asyncio.Lock()
        self._waiting = Waiting()
        self._refilling: asyncio.Task[None] | None = None

    def reserve(self, amount: int) -> bool:
        """Reserve from what is leased; False when that does not suffice."""
        if self._waiting or self.free + self.credit < amount:
            return False
        self._hold(amount)
        if self.free < self._low and self._refilling is None:
            self._refill_soon()
        return True

    async def obtain(self, amount: int) -> bool:
        """Reserve, and lease more for it; False when nothing is left, with other workers neither.

        Errors: StoreError when the store is away and nothing is known of what is left.
        """
        refused, until = self._refused
        if self._away:
            return self._on_credit(amount)
        if not self._waiting and amount >= refused > 0 and self._clock.tick() < until:
            return False
        self._refill_soon()
        return await self._waiting.join(amount, self.release)

    def release(self, amount: int) -> None:
        """Give back what was reserved and has not begun."""
        self._held -= amount
        self.free += amount
        if self._waiting:
            self._waiting.serve(self._reserves)

    def end(self, begun: int, spent: int) -> None:
        """Say what a begun answer has cost in the end, which may be more than was reserved."""
        self.slot.end(begun, spent)
        self._held -= begun
        self.free += begun - spent
        if self._waiting:
            self._waiting.serve(self._reserves)

    @property
    def settled(self) -> bool:
        """Whether the store is there and knows everything, and there is nothing to give back."""
        return not (self._leased or self.free or self._away or self._unsure or self._waiting or self._asking.locked())

    @property
    def used(self) -> int:
        """What is spent, elsewhere and here; here, what is under way counts as spent."""
        return self.elsewhere + self.slot.spent + self._held

    def learn(self, account: Account) -> None:
        """Take note of how the account stands in the store."""
        if not self._asking.locked():
            self._learn(account)

    async def sync(self, account: Account | None) -> None:
        """Settle what was spent, and give back what others may need more.

        Shape: `account` is how it stands in the store, which is there; None where that was not looked at.
        """
        if self._asking.locked():
            return
        async with self._asking:
            try:
                if self._unsure:
                    account = await self._look()
                    self._resolve(account)
                if account is not None:
                    self._learn(account)
                self._away, self.credit = False, 0
                await self._settle(everything=self.retired)
            except StoreError:
                return  # `lose` has been told; the next look finds out what became of it
        self._idle += 1

    async def close(self) -> None:
        """Settle and give back everything; no request is under way any more. Errors: StoreError."""
        if self._refilling is not None:
            await asyncio.wait((self._refilling,))
        async with self._asking:
            if self._unsure:
                self._resolve(await self._look())
            self.slot.bury()
            self._held = 0
            self.free = self._leased - self.slot.unsettled
            await self._settle(everything=True)

    def lose(self) -> None:
        """The store is away: go on with what is leased, then on credit, as far as something was known to be left."""
        self._away = True
        if self._left is None and self.advisory:
            self._left = self.limit
        self.credit = self._left or 0
        self._waiting.answer(self._on_credit)

    def _on_credit(self, amount: int) -> bool:
        if self._reserves(amount):
            return True
        if self._left is None:
            raise StoreError("The store is away, and with it what is left of this quota.")
        return False

    def _reserves(self, amount: int) -> bool:
        if self.free + self.credit < amount:
            return False
        self._hold(amount)
        return True

    def _hold(self, amount: int) -> None:
        self.free -= amount
        self._held += amount
        self._usual = amount
        self._idle = 0

    def _refill_soon(self) -> None:
        if self._refilling is None and not self._away:
            self._refilling = asyncio.get_running_loop().create_task(self._refill())

    async def _refill(self) -> None:
        """Lease more until nobody waits, or there is nothing to wait for."""
        until = self._clock.tick() + self._patience
        try:
            while True:
                async with self._asking:
                    elsewhere = await self._take()
                if not self._waiting:
                    return
                if elsewhere is None:
                    until = self._clock.tick() + self._patience
                elif elsewhere and self._clock.tick() < until:
                    await self._clock.sleep(_POLL)
                else:
                    self._waiting.answer(self._at_last)
                    return
        except StoreError:
            return  # `lose` has answered those who waited
        finally:
            self._refilling = None
            if self._waiting and not self._away:
                self._refill_soon()

    async def _take(self) -> bool | None:
        """Lease a block, or what is needed if that is more; return whether others have leases when it was not all."""
        if self._unsure:
            self._resolve(await self._look())
        if self._left is None:
            self._learn(await self._look())
        wanted = max(self._block, self._waiting.needed) - self.free
        if wanted <= 0:
            self._waiting.serve(self._reserves)
            return None
        granted = await self._ask(self._state.take(self.name, self._holder, wanted, self.limit))
        self._leased += granted
        self.free += granted
        self._waiting.serve(self._reserves)
        if granted == wanted:
            self._left = max(0, (self._left or 0) - granted)
            return None
        account = await self._look()
        self._learn(account)
        elsewhere = any(holder != self._holder for holder in account.leased)
        if elsewhere and self._waiting:
            # What is too little for this worker's next request may be enough for another's.
            await self._settle(everything=True)
        return elsewhere

    def _at_last(self, amount: int) -> bool:
        """Whether the rest suffices for one who need not wait any longer."""
        granted = self._reserves(amount)
        if not granted:
            self._refused = (amount, self._clock.tick() + REST)
        return granted

    @property
    def _block(self) -> int:
        left = self.limit if self._left is None else self._left
        return min(_MOST * self._usual, left // SHARE)

    def _learn(self, account: Account) -> None:
        self.elsewhere = max(0, account.spent - self.slot.settled)
        self._left = max(0, self.limit - account.spent - sum(account.leased.values()))
        block = self._block
        self._low = block // 2 if block > self._usual else 0

    def _resolve(self, account: Account) -> None:
        """Find out what became of requests to the store that had no answer."""
        self._leased = account.leased.get(self._holder, 0)
        self.slot.resolve(self._leased)
        self.free = self._leased - self._held - self.slot.unsettled
        self._unsure = False

    async def _settle(self, *, everything: bool = False) -> None:
        """Tell the store what was spent, and give back what is not needed here, or all that is free."""
        while self.free < 0:
            owed = await self._ask(self._state.take(self.name, self._holder, -self.free, NO_LIMIT))
            self._leased += owed
            self.free += owed
        back = self.free if everything or self._idle > _KEEP else max(0, self.free - self._block)
        after = self._leased - self.slot.unsettled - back
        if after == self._leased:
            return
        self.free -= back
        spent = self.slot.intend(after)
        await self._ask(self._state.settle(self.name, self._holder, spent, back))
        self.slot.settle()
        self._leased = after

    async def _look(self) -> Account:
        return (await self._ask(self._state.accounts(self.name))).get(self.name, Account())

    async def _ask(self, call: Coroutine[Any, Any, T]) -> T:
        """Ask the store; who waits is served on credit when it takes too long, but its answer still counts."""
        asked = asyncio.ensure_future(call)
        try:
            done, _ = await asyncio.wait((asked,), timeout=_SLOW)
            if not done:
                self.lose()
            answer = await asyncio.shield(asked)
        except asyncio.CancelledError:
            self._unsure = True
            await asyncio.gather(asked, return_exceptions=True)  # the store does it all the same: nothing before it
            raise
        except StoreError:
            self._unsure = True
            self.lose()
            raise
        self._away, self.credit = False, 0
        return answer
