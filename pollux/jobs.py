"""What is done from time to time: each job by one worker of one machine at a time, seen and switched by all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from pipeline.exchange import Chunk
    from pipeline.ports import Clock, StateStore

log = structlog.get_logger("pollux.jobs")

KIND = "job"
"""The kind of documents jobs are kept as: `NAME` says whether it was switched, `NAME/run` how it went."""

_TELLINGS = 3
"""How often a task is told to end."""

LIMIT = 600.0
"""Seconds after which a job that has not ended is given up."""

_FIRST, _AT_MOST = 5.0, 60.0
"""Seconds before the first look at what is due, and between two of them."""


class Job(Struct, frozen=True):
    """Something to do from time to time.

    Shape: `every` and `enabled` are what the settings say now; `run` returns what came of it, in words.
    Units: `every` in seconds.
    """

    name: str
    about: str
    every: Callable[[], float]
    enabled: Callable[[], bool]
    run: Callable[[], Awaitable[str]]


class JobRun(Struct, frozen=True):
    """One run of a job. Units: `at` in epoch seconds, `seconds` it took."""

    at: float
    seconds: float
    ok: bool
    result: str


class JobState(Struct, frozen=True):
    """How a job is doing.

    Shape: `switched` is whether somebody switched it, and not the settings; `next` is when it runs by itself.
    Units: `every` in seconds, `next` in epoch seconds.
    """

    name: str
    about: str
    every: float
    enabled: bool
    switched: bool
    running: bool
    last: JobRun | None = None
    next: float | None = None


class _Note(Struct, omit_defaults=True):
    """What is kept of a job's runs. Shape: `since` is when the one under way began, 0 for none."""

    since: float = 0.0
    last: JobRun | None = None


class Jobs:
    """Runs jobs when they are due, and when somebody asks."""

    def __init__(self, jobs: Iterable[Job], state: StateStore, clock: Clock) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._state = state
        self._clock = clock
        self._holder = token_hex(8)
        self._running: dict[str, asyncio.Task[JobState]] = {}
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run what is due from now on."""
        self._state.watch(KIND, self._changed.set)
        self._looking = asyncio.get_running_loop().create_task(self._look_after())

    async def close(self) -> None:
        """Run nothing more, and give up what is under way."""
        tasks = [*filter(None, [self._looking]), *self._running.values()]
        # Told again where a library has swallowed it: the end of the process does not wait for one that never ends.
        for _ in range(_TELLINGS):
            tasks = [task for task in tasks if not task.done()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1.0)

    async def list(self) -> list[JobState]:
        """Return all jobs. Errors: StoreError."""
        documents = await self._state.load(KIND)
        return [self._state_of(job, documents) for job in self._jobs.values()]

    async def run(self, name: str) -> JobState:
        """Run a job now, and return how it went; where it is under way, only that. Errors: KeyError, StoreError."""
        # Whoever asked may leave: the job goes on.
        return await asyncio.shield(self._started(self._jobs[name], due=False))

    async def switch(self, name: str, on: bool) -> JobState:
        """Switch a job on or off, for all workers and machines. Errors: KeyError, StoreError."""
        job = self._jobs[name]
        self._state.put(KIND, name, {"on": on})
        self._changed.set()
        return await self._look_at(job)

    async def _look_after(self) -> None:
        await self._clock.sleep(_FIRST)
        while True:
            self._changed.clear()
            pause = _AT_MOST
            try:
                pause = await self._run_due()
            except StoreError as exc:
                log.warning("jobs wait for the state store", error=exc.message)
            await self._wait(pause)

    async def _run_due(self) -> float:
        """Start what is due; return in how many seconds to look again."""
        states, pause = await self.list(), _AT_MOST
        now = self._clock.now()  # not before the look: a job that never ran is due at the moment it is looked at
        for state in states:
            if state.next is None or state.running:
                continue
            if state.next <= now:
                self._started(self._jobs[state.name], due=True)
            else:
                pause = min(pause, state.next - now)
        return pause

    async def _wait(self, seconds: float) -> None:
        """Wait for so long, or until something was switched."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _started(self, job: Job, *, due: bool) -> asyncio.Task[JobState]:
        task = self._running.get(job.name)
        if task is None:
            task = self._running[job.name] = asyncio.get_running_loop().create_task(self._run_alone(job, due=due))
            task.add_done_callback(lambda done: self._ended(job, done))
        return task

    def _ended(self, job: Job, task: asyncio.Task[JobState]) -> None:
        del self._running[job.name]
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.warning("job not run", job=job.name, error=str(failure))

    async def _run_alone(self, job: Job, *, due: bool) -> JobState:
        """Run a job where nobody else does. Errors: StoreError."""
        claim = f"job/{job.name}"
        if not await self._state.claim(claim, self._holder, LIMIT):
            return msgspec.structs.replace(await self._look_at(job), running=True)
        try:
            state = await self._look_at(job)
            # Between the look at what is due and the claim another may have run it.
            if not due or (state.next is not None and state.next <= self._clock.now()):
                await self._run_and_note(job, state.last)
        finally:
            await self._state.claim(claim, self._holder, 0)
        return msgspec.structs.replace(await self._look_at(job), running=False)

    async def _run_and_note(self, job: Job, before: JobRun | None) -> None:
        began = self._clock.now()
        note = _Note(began, before)
        self._put(job, note)
        working = asyncio.ensure_future(job.run())
        try:
            await asyncio.wait([working], timeout=LIMIT)
            ok, result = _outcome(working)
            note.last = JobRun(began, self._clock.now() - began, ok, result)
            (log.info if ok else log.warning)("job ran", job=job.name, ok=ok, result=result)
        finally:
            working.cancel()
            note.since = 0.0
            self._put(job, note)
            await self._state.flush()

    def _put(self, job: Job, note: _Note) -> None:
        self._state.put(KIND, f"{job.name}/run", msgspec.to_builtins(note))

    async def _look_at(self, job: Job) -> JobState:
        names = (job.name, f"{job.name}/run")
        found = {name: await self._state.get(KIND, name) for name in names}
        return self._state_of(job, {name: document for name, document in found.items() if document is not None})

    def _state_of(self, job: Job, documents: dict[str, Chunk]) -> JobState:
        note = msgspec.convert(documents.get(f"{job.name}/run", {}), _Note)
        switch = documents.get(job.name)
        enabled, every = bool(switch["on"]) if switch else job.enabled(), job.every()
        running = job.name in self._running or note.since > self._clock.now() - LIMIT
        due = note.last.at + every if note.last else self._clock.now()
        return JobState(
            job.name, job.about, every, enabled, switch is not None, running, note.last, due if enabled else None
        )


def _outcome(working: asyncio.Future[str]) -> tuple[bool, str]:
    """Say what came of a job, whatever it raised: what is wrong with one is nothing to the others."""
    if not working.done():
        return False, f"not done after {LIMIT:.0f} seconds"
    failure = working.exception()
    if failure is None:
        return True, working.result()
    return False, f"{type(failure).__name__}: {failure}"
