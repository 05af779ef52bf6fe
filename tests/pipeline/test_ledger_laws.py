"""Whatever workers do in whatever order: together they never grant more than a quota allows, and nothing is lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.books import Limit
from pipeline.errors import AllCooling, Broken
from pipeline.holdings import Holdings
from pipeline.leases import LeasePool
from pipeline.scheduling import Scheduling
from pipeline.windows import Windows
from stores.memory import MemoryCredentials
from tests.pipeline.pools import OPERATIONS, exchange, key
from tests.pipeline.quota_rig import ShakyState
from tests.pipeline.virtual_time import LoopClock, run

WORKERS = 3
RPD, RPM, TPM = 50, 12, 1000

asked = st.tuples(
    st.just("ask"),
    st.integers(0, WORKERS - 1),
    st.sampled_from([0, 40, 400]),
    st.sampled_from(["answered", "more", "failed", "left"]),
    st.sampled_from([0.0, 0.005, 0.3, 2.0]),
    st.integers(1, 20),
)
waited = st.tuples(st.just("wait"), st.sampled_from([0.001, 0.02, 0.5, 3.0, 70.0]))
killed = st.tuples(st.just("kill"), st.integers(0, WORKERS - 1))
away = st.tuples(st.just("away"), st.sampled_from([0.005, 0.5, 4.0]))


class Worker:
    """One pool, its leases, and the requests that it serves."""

    def __init__(self, of: Run) -> None:
        self.holdings = Holdings(of.state, of.clock, of.windows, of.folder)
        credentials = MemoryCredentials([key("a", "p"), key("b", "p")])
        self.pool = LeasePool(credentials, of.state, of.clock, OPERATIONS, of.scheduling, holdings=self.holdings)
        self.requests: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.holdings.start()
        await self.pool.start()

    async def close(self) -> None:
        await self.pool.close()
        await self.holdings.close()

    async def kill(self) -> None:
        # Nothing of a dead process runs: its file is closed first, so that what the tasks still say is not written.
        self.holdings._spending.close()
        doomed = [*self.requests, *self.holdings._tasks, *self.pool._tasks]
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)


class Run:
    """One run: what was granted by window, and what answers had of tokens, as far as it was estimated."""

    def __init__(self, folder: Path, seed: int, limit: Limit) -> None:
        self.folder = folder
        self.state, self.clock, self.windows = ShakyState(seed), LoopClock(), Windows()
        self.scheduling = Scheduling(limits=(limit,), breaker_faults=0)
        self.workers = [Worker(self) for _ in range(WORKERS)]
        self.outages: set[asyncio.Task[None]] = set()
        self.granted: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def note(self, requests: int, tokens: int, *windows: str) -> None:
        for window in windows:
            self.granted[window] += requests
            self.tokens[window] += tokens
            self.most[window] = max(self.most[window], self.granted[window])

    async def ask(self, worker: Worker, size: int, end: str, seconds: float) -> bool:
        x = exchange()
        x.request.body = b"x" * size
        estimate = max(size // 4, 1)
        async with aclosing(worker.pool.leases(x, 1, 0.0)) as leases:
            try:
                lease = cast("Any", await anext(leases))
            except AllCooling:
                return False
            now = self.clock.now()
            windows = self.windows.minute(now).name, self.windows.day(now).name
            self.note(1, estimate, *windows)
            assert self.tokens[windows[0]] <= TPM or not self.scheduling.limits[0].tpm
            await asyncio.sleep(seconds)
            if end in {"failed", "left"}:
                self.note(-1, -estimate, *windows)
                await lease.close(Broken() if end == "failed" else asyncio.CancelledError())
                return False
            x.usage = {"promptTokenCount": 2 * estimate if end == "more" else estimate}
            await lease.close(None)
            return True

    async def do(self, step: tuple[Any, ...]) -> None:
        if step[0] == "ask":
            _, index, size, end, seconds, times = step
            worker = self.workers[index]
            worker.requests |= {asyncio.create_task(self.asked(worker, size, end, seconds)) for _ in range(times)}
        elif step[0] == "wait":
            await asyncio.sleep(step[1])
        elif step[0] == "kill" and not self.state.away:  # nothing starts without its store
            await self.workers[step[1]].kill()
            self.workers[step[1]] = Worker(self)
            await self.workers[step[1]].start()
        elif step[0] == "away":
            self.outages.add(asyncio.create_task(self.lose_store(step[1])))

    async def asked(self, *how: Any) -> None:
        await self.ask(*how)

    async def lose_store(self, seconds: float) -> None:
        self.state.away = True
        await asyncio.sleep(seconds)
        self.state.away = False

    async def end(self) -> None:
        """Let everything end, and then use up the rest."""
        await asyncio.gather(*(task for worker in self.workers for task in worker.requests), *self.outages)
        await asyncio.sleep(5)
        rest = [self.ask(self.workers[number % WORKERS], 0, "answered", 0.01) for number in range(RPD + 5)]
        await asyncio.gather(*rest)
        for worker in self.workers:
            await worker.close()


def play(steps: list[tuple[Any, ...]], seed: int, limit: Limit) -> Run:
    async def main() -> Run:
        with tempfile.TemporaryDirectory() as folder:
            played = Run(Path(folder) / "ledger", seed, limit)
            for worker in played.workers:
                await worker.start()
            for step in steps:
                await played.do(step)
                await asyncio.sleep(0)
            await played.end()
            assert list((Path(folder) / "ledger").iterdir()) == []
        return played

    return run(main())


def spent(played: Run) -> dict[str, int]:
    accounts = played.state._accounts
    assert not any(account.leased for account in accounts.values())
    return {name.rpartition("/")[2]: account.spent for name, account in accounts.items()}


def alone(folder: Path, limit: Limit) -> Run:
    played = Run(folder / "ledger", 0, limit)
    del played.workers[1:]
    return played


def test_request_that_waits_for_the_store_beyond_its_window_is_counted_in_the_next(tmp_path):
    async def main() -> None:
        played = alone(tmp_path, Limit(rpm=RPM))
        (worker,) = played.workers
        await worker.start()
        await asyncio.sleep(59.999 - played.clock.now() % 60)
        assert await played.ask(worker, 0, "answered", 0.0)
        await worker.close()
        assert sorted(spent(played).values()) == [0, 1]
        assert max(spent(played), key=spent(played).__getitem__) == played.windows.minute(played.clock.now()).name

    run(main())


def test_store_that_is_away_before_anything_is_known_leaves_a_worker_to_count_alone(tmp_path):
    async def main() -> None:
        played = alone(tmp_path, Limit(rpd=RPD))
        (worker,) = played.workers
        await worker.start()
        played.state.away = True
        answers = [await played.ask(worker, 0, "answered", 0.0) for _ in range(RPD + 5)]
        assert answers == [True] * RPD + [False] * 5
        played.state.away = False
        await asyncio.sleep(3)
        await worker.close()
        assert list(spent(played).values()) == [RPD]

    run(main())


def test_requests_far_from_the_limit_do_not_wait_for_the_store(tmp_path):
    async def main() -> None:
        played = alone(tmp_path, Limit(rpd=1_000_000, tpd=100_000_000))
        (worker,) = played.workers
        await worker.start()
        for _ in range(10):  # it learns how much requests take
            await played.ask(worker, 400, "answered", 0.1)
        before, began = played.state.asked, played.clock.tick()
        for _ in range(1000):
            await played.ask(worker, 400, "answered", 0.001)
        assert played.clock.tick() - began == pytest.approx(1.0), "a request has waited"
        assert played.state.asked - before < 100
        await worker.close()

    run(main())


steps = st.lists(st.one_of(asked, waited, killed), max_size=14)


@settings(max_examples=60)
@given(steps, st.integers(0, 1000))
def test_quota_of_a_day_is_used_up_exactly_whoever_dies(steps, seed):
    played = play(steps, seed, Limit(rpd=RPD))
    (day,) = spent(played)
    assert spent(played)[day] == played.granted[day] == played.most[day] == RPD


@settings(max_examples=60)
@given(steps, st.integers(0, 1000))
def test_no_window_has_more_requests_or_estimated_tokens_than_its_limit(steps, seed):
    played = play(steps, seed, Limit(rpm=RPM, tpm=TPM, rpd=RPD))
    for window, most in played.most.items():
        assert most <= (RPM if "T" in window else RPD)


@settings(max_examples=60)
@given(st.lists(st.one_of(asked, waited, killed, away), max_size=14), st.integers(0, 1000))
def test_outage_raises_nothing_and_is_over_by_no_more_than_each_workers_credit(steps, seed):
    played = play(steps, seed, Limit(rpd=RPD))
    (day,) = spent(played)
    assert RPD <= spent(played)[day] == played.granted[day]
    assert played.most[day] <= RPD * WORKERS
