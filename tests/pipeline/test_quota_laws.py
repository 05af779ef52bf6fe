"""Whatever happens in whatever order: never over, and in the end the store knows exactly what was answered."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Limited, StoreError
from pipeline.exchange import Key
from pipeline.keys import account_of
from pipeline.quota import Quotas
from tests.pipeline.quota_rig import Fleet, ShakyState
from tests.pipeline.virtual_time import run

WORKERS = 3
QUOTA = 60
KEY = Key(id="k", total_quota=QUOTA, concurrency=40, rpm=50)

asked = st.tuples(
    st.just("ask"),
    st.integers(0, WORKERS - 1),
    st.sampled_from([1, 2, 10, 15]),
    st.sampled_from(["answered", "failed", "broken", "left"]),
    st.sampled_from([0.0, 0.005, 0.3, 2.0]),
    st.integers(1, 12),
)
waited = st.tuples(st.just("wait"), st.sampled_from([0.001, 0.02, 0.5, 3.0, 70.0]))
killed = st.tuples(st.just("kill"), st.integers(0, WORKERS - 1))
away = st.tuples(st.just("away"), st.sampled_from([0.005, 0.5, 4.0]))


class Run:
    """One run: what is under way, what was answered, and what was on its way when its worker died."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.fleet = Fleet(folder, WORKERS, ShakyState(seed))
        self.tasks: dict[Quotas, set[asyncio.Task[None]]] = {}
        self.begun: dict[asyncio.Task[Any], int] = {}
        self.outages: set[asyncio.Task[None]] = set()
        self.spent = self.holding = self.most = 0

    async def ask(self, worker: Quotas, cost: int, end: str, seconds: float) -> None:
        try:
            charge = await worker.charge(KEY, cost, 0)
        except (Limited, StoreError):
            return
        task = asyncio.current_task()
        assert task is not None
        self.holding += cost
        self.most = max(self.most, self.spent + self.holding)
        try:
            await asyncio.sleep(seconds)
            if end != "failed":
                charge.begin()
                self.begun[task] = cost
                await asyncio.sleep(seconds)
        except asyncio.CancelledError:  # its worker was killed
            self.holding -= cost
            self.spent += self.begun.get(task, 0)
            raise
        self.holding -= cost
        charged = end in {"answered", "left"}
        self.spent += cost if charged else 0
        charge.settle(charged=charged, tokens=0)

    async def do(self, step: tuple[Any, ...]) -> None:
        fleet = self.fleet
        if step[0] == "ask":
            _, index, cost, end, seconds, times = step
            worker = fleet.workers[index]
            for _ in range(times):
                task = asyncio.create_task(self.ask(worker, cost, end, seconds))
                self.tasks.setdefault(worker, set()).add(task)
        elif step[0] == "wait":
            await asyncio.sleep(step[1])
        elif step[0] == "kill":
            await self.kill(step[1])
        else:
            self.outages.add(asyncio.create_task(self.lose_store(step[1])))
            await asyncio.sleep(0)

    async def lose_store(self, seconds: float) -> None:
        self.fleet.state.away = True
        await asyncio.sleep(seconds)
        self.fleet.state.away = False

    async def kill(self, index: int) -> None:
        if self.fleet.state.away:
            return  # nothing starts without its store
        worker = self.fleet.workers[index]
        # Nothing of a dead process runs: its file is closed first, so that what the tasks still say is not written.
        doomed = self.tasks.pop(worker, set())
        await self.fleet.kill(index)
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)
        self.fleet.workers.insert(index, self.fleet.new())
        await self.fleet.begin(self.fleet.workers[index])

    async def end(self) -> None:
        await asyncio.gather(*(task for tasks in self.tasks.values() for task in tasks))
        await asyncio.gather(*self.outages)
        await asyncio.sleep(5)
        await self.fleet.close()


def play(steps: list[tuple[Any, ...]], seed: int) -> Run:
    async def main() -> Run:
        with tempfile.TemporaryDirectory() as folder:
            played = Run(Path(folder) / "ledger", seed)
            await played.fleet.start()
            for step in steps:
                await played.do(step)
                await asyncio.sleep(0)
            await played.end()
            account = await played.fleet.state.account(account_of("k", "total"))
            assert (account.spent, account.leased) == (played.spent, {})
            concurrency = await played.fleet.state.account(account_of("k", "concurrency"))
            assert (concurrency.spent, concurrency.leased) == (0, {})
            assert list((Path(folder) / "ledger").iterdir()) == []
        return played

    return run(main())


@settings(max_examples=60)
@given(st.lists(st.one_of(asked, waited, killed), max_size=14), st.integers(0, 1000))
def test_any_interleaving_with_deaths_is_never_over_and_exact(steps, seed):
    assert play(steps, seed).most <= QUOTA


@settings(max_examples=60)
@given(st.lists(st.one_of(asked, waited, killed, away), max_size=14), st.integers(0, 1000))
def test_any_outage_is_exact_in_the_end_and_over_by_no_more_than_each_workers_credit(steps, seed):
    assert play(steps, seed).most <= QUOTA * WORKERS
