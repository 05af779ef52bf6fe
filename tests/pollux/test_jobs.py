"""Jobs run when they are due, by one worker at a time, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from pipeline.exchange import Chunk
from pollux.jobs import KIND, LIMIT, Job, Jobs, JobState
from stores.memory import MemoryState
from tests.pipeline.virtual_time import LoopClock, run

HOUR = 3600.0


class Work:
    """A job's work, counted. Shape: `seconds` is how long it takes."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.runs: list[float] = []
        self.seconds = seconds
        self.at_once = self.most = 0

    async def __call__(self) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.runs.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return f"run {len(self.runs)}"


def job(work: Callable[[], Awaitable[str]], *, enabled: bool = True) -> Job:
    return Job("test", "A test.", lambda: HOUR, lambda: enabled, work)


class RealClock(LoopClock):
    """A clock that moves on while somebody computes, as real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.computed = 0.0

    def now(self) -> float:
        self.computed += 1e-6
        return super().now() + self.computed


class CountedState(MemoryState):
    """A state store that counts how often it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0

    async def load(self, kind: str) -> dict[str, Chunk]:
        self.loads += 1
        return await super().load(kind)


async def state_of(jobs: Jobs) -> JobState:
    (state,) = await jobs.list()
    return state


def test_job_runs_at_once_and_then_as_often_as_it_says() -> None:
    async def scenario() -> None:
        work = Work()
        jobs = Jobs([job(work)], MemoryState(), LoopClock())
        jobs.start()
        await asyncio.sleep(3 * HOUR + 100)
        await jobs.close()
        assert len(work.runs) == 4
        assert all(HOUR <= later - earlier < HOUR + 61 for earlier, later in pairwise(work.runs))

    run(scenario())


def test_job_that_never_ran_is_run_at_the_first_look_and_not_looked_for_again() -> None:
    async def scenario() -> None:
        work, state = Work(), CountedState()
        jobs = Jobs([job(work)], state, RealClock())
        jobs.start()
        await asyncio.sleep(5.01)
        await jobs.close()
        assert len(work.runs) == 1
        assert state.loads < 5

    run(scenario())


def test_of_several_workers_one_runs_it() -> None:
    async def scenario() -> None:
        work, state = Work(seconds=5), MemoryState()
        workers = [Jobs([job(work)], state, LoopClock()) for _ in range(3)]
        for worker in workers:
            worker.start()
        await asyncio.sleep(10 * HOUR)
        for worker in workers:
            await worker.close()
        assert (len(work.runs), work.most) == (10, 1)

    run(scenario())


def test_job_that_ran_is_not_due_again_after_a_restart() -> None:
    async def scenario() -> None:
        work, state = Work(), MemoryState()
        for _ in range(3):
            jobs = Jobs([job(work)], state, LoopClock())
            jobs.start()
            await asyncio.sleep(60)
            await jobs.close()
        assert len(work.runs) == 1

    run(scenario())


def test_job_run_by_hand_says_how_it_went_even_when_it_is_off() -> None:
    async def scenario() -> None:
        jobs = Jobs([job(Work(seconds=2), enabled=False)], MemoryState(), LoopClock())
        jobs.start()
        state = await jobs.run("test")
        assert state.last is not None
        assert (state.last.ok, state.last.result, state.last.seconds) == (True, "run 1", 2.0)
        assert (state.enabled, state.running, state.next) == (False, False, None)
        await jobs.close()
        with pytest.raises(KeyError):
            await jobs.run("none")

    run(scenario())


def test_job_asked_for_twice_at_once_runs_once() -> None:
    async def scenario() -> None:
        work = Work(seconds=2)
        jobs = Jobs([job(work)], MemoryState(), LoopClock())
        first, second = await asyncio.gather(jobs.run("test"), jobs.run("test"))
        assert first == second
        assert len(work.runs) == 1

    run(scenario())


def test_job_that_runs_elsewhere_is_shown_as_running() -> None:
    async def scenario() -> None:
        work, state = Work(seconds=20), MemoryState()
        one, other = (Jobs([job(work)], state, LoopClock()) for _ in range(2))
        running = asyncio.create_task(one.run("test"))
        await asyncio.sleep(1)
        assert (await other.run("test")).running
        assert (await state_of(other)).running
        await running
        assert not (await state_of(other)).running
        assert len(work.runs) == 1

    run(scenario())


def test_switch_counts_more_than_the_settings_for_all_workers() -> None:
    async def scenario() -> None:
        work, state = Work(), MemoryState()
        one, other = (Jobs([job(work, enabled=False)], state, LoopClock()) for _ in range(2))
        one.start()
        await asyncio.sleep(2 * HOUR)
        assert not work.runs
        shown = await one.switch("test", on=True)
        assert (shown.enabled, shown.switched) == (True, True)
        await asyncio.sleep(1)
        assert len(work.runs) == 1
        assert (await state_of(other)).enabled
        await one.switch("test", on=False)
        await asyncio.sleep(2 * HOUR)
        assert len(work.runs) == 1
        await one.close()

    run(scenario())


def test_failure_is_kept_and_the_next_run_comes_all_the_same() -> None:
    async def fail() -> str:
        raise ValueError("no such thing")

    async def scenario() -> None:
        jobs = Jobs([job(fail)], MemoryState(), LoopClock())
        jobs.start()
        await asyncio.sleep(10)
        state = await state_of(jobs)
        assert state.last is not None
        assert (state.last.ok, state.last.result) == (False, "ValueError: no such thing")
        await asyncio.sleep(HOUR + 61)
        later = await state_of(jobs)
        assert later.last is not None
        assert later.last.at > state.last.at
        await jobs.close()

    run(scenario())


def test_job_that_does_not_end_is_given_up() -> None:
    async def scenario() -> None:
        jobs = Jobs([job(Work(seconds=10 * LIMIT))], MemoryState(), LoopClock())
        state = await jobs.run("test")
        assert state.last is not None
        assert (state.last.ok, state.last.result) == (False, "not done after 600 seconds")

    run(scenario())


def test_worker_that_ends_lets_go_of_its_job() -> None:
    async def scenario() -> None:
        state = MemoryState()
        one, other = Jobs([job(Work(seconds=60))], state, LoopClock()), Jobs([job(Work())], state, LoopClock())
        one.start()
        await asyncio.sleep(10)
        await one.close()
        assert not (await state_of(other)).running
        assert (await state.get(KIND, "test/run") or {}).get("since", 0) == 0

    run(scenario())
