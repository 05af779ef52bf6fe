"""Workers that share a store which is slow, and away at times."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from pipeline.errors import Limited, StoreError
from pipeline.exchange import Key
from pipeline.holdings import Holdings
from pipeline.ports import Account
from pipeline.quota import Charge, Quotas
from pipeline.windows import Windows
from stores.memory import MemoryState
from tests.pipeline.virtual_time import LoopClock


class ShakyState(MemoryState):
    """Takes its time; while `away` it fails, before it has done what was asked or after."""

    def __init__(self, seed: int = 0, slowest: float = 0.01) -> None:
        super().__init__()
        self.away = False
        self.asked = 0
        self._random = Random(seed)
        self._slowest = slowest

    async def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        await self._travel()
        granted = await super().take(account, holder, amount, limit)
        await self._travel()
        return granted

    async def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        assert spent >= 0
        assert back >= 0
        await self._travel()
        await super().settle(account, holder, spent, back)
        await self._travel()

    async def accounts(self, prefix: str) -> dict[str, Account]:
        await self._travel()
        found = await super().accounts(prefix)
        await self._travel()
        return found

    async def account(self, name: str) -> Account:
        """Look without the store's troubles."""
        return (await super().accounts(name)).get(name, Account())

    async def _travel(self) -> None:
        self.asked += 1
        await asyncio.sleep(self._random.random() * self._slowest)
        if self.away:
            raise StoreError("made-up outage")


class Fleet:
    """Some workers on one store."""

    def __init__(self, folder: Path, workers: int = 1, state: ShakyState | None = None) -> None:
        self.folder = folder
        self.state = state or ShakyState()
        self.clock = LoopClock()
        self.workers = [self.new() for _ in range(workers)]
        self.charges: list[Charge] = []

    def new(self) -> Quotas:
        windows = Windows()
        return Quotas(self.state, self.clock, windows, Holdings(self.state, self.clock, windows, self.folder))

    async def start(self) -> None:
        for worker in self.workers:
            await self.begin(worker)

    async def begin(self, worker: Quotas) -> None:
        worker._holdings.start()
        await worker.start()

    async def close(self) -> None:
        for worker in self.workers:
            worker.close()
            await worker._holdings.close()

    async def kill(self, index: int) -> None:
        """Let a worker vanish: its file stays, nobody tells the store."""
        holdings = self.workers.pop(index)._holdings
        for task in holdings._tasks:
            task.cancel()
        holdings._spending.close()

    async def ask(self, worker: int, key: Key, cost: int = 1, tokens: int = 0, **end: Any) -> bool:
        """Serve one request that takes a while; whether it was let in."""
        try:
            charge = await self.workers[worker].charge(key, cost, tokens)
        except Limited:
            return False
        await asyncio.sleep(end.pop("seconds", 0.0))
        charge.begin()
        charge.settle(**({"charged": True, "tokens": 0} | end))
        return True
