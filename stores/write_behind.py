"""State in a database, written behind: no caller waits for it, and nothing is lost while it is away."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar
from uuid import uuid4

import msgspec
import structlog

from pipeline.errors import StoreError
from pipeline.exchange import Chunk
from pipeline.ports import Account
from stores.backend import Backend
from stores.pending import Pending

log = structlog.get_logger(__name__)

T = TypeVar("T")

Observe = Callable[[str, float, bool], None]
"""Told of every call to a database: what was done, how many seconds it took, whether it failed."""

_BATCH = 0.02
"""Seconds that writes are gathered for: the latest wins, so that a busy key costs one write."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_PATIENCE = 5.0
"""Seconds within which a lease is asked for again when its answer was lost."""
_AT_ONCE = 32
"""Calls under way at most; redis-py refuses the hundred and first instead of letting it wait."""
_LAST_CHANCE = 5.0
"""Seconds that closing waits for a database that is away."""


class WriteBehind:
    """The state store over any database.

    Shape: `healthy` is whether the database answered last; `depth` is how many keys wait to be written; `dropped` is
        how many writes were refused because too many wait. `observe` is told of every call.
    """

    def __init__(self, backend: Backend, room: int = 64 * 1024 * 1024) -> None:
        self.name = backend.name
        self.healthy = True
        self.observe: Observe = _nobody
        self._backend = backend
        self._pending = Pending(room)
        self._put = asyncio.Event()
        self._writing = asyncio.Lock()
        self._calls = asyncio.Semaphore(_AT_ONCE)
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def over(cls, backend: Backend) -> "WriteBehind":
        """Return the store, listening and writing. Errors: StoreError."""
        store, changes = cls(backend), backend.changes()
        async with AsyncExitStack() as undo:
            undo.push_async_callback(backend.close)
            await anext(changes)
            undo.pop_all()
        store._tasks = [asyncio.create_task(store._write_on()), asyncio.create_task(store._follow(changes))]
        return store

    @property
    def depth(self) -> int:
        return len(self._pending)

    @property
    def dropped(self) -> int:
        return self._pending.dropped

    async def load(self, kind: str) -> dict[str, Chunk]:
        await self.flush()
        documents = await self._asked("load", partial(self._backend.load, kind))
        return {key: _decoded(document) for key, document in documents.items()}

    async def get(self, kind: str, key: str) -> Chunk | None:
        known, document = self._pending.find(kind, key)
        if not known:
            document = await self._asked("get", partial(self._backend.get, kind, key))
        return None if document is None else _decoded(document)

    def put(self, kind: str, key: str, document: Chunk | None) -> None:
        self._pending.put(kind, key, None if document is None else msgspec.json.encode(document))
        self._put.set()

    def count(self, kind: str, key: str, amounts: Mapping[str, int]) -> None:
        self._pending.count(kind, key, amounts)
        self._put.set()

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        await self.flush()
        return await self._asked("counts", partial(self._backend.counts, kind))

    def discount(self, kind: str, key: str) -> None:
        self._pending.discount(kind, key)
        self._put.set()

    async def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        op = uuid4().hex
        return await self._insisted("take", partial(self._backend.take, op, account, holder, amount, limit))

    async def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        op = uuid4().hex
        await self._insisted("settle", partial(self._backend.settle, op, account, holder, spent, back))

    async def accounts(self, prefix: str) -> dict[str, Account]:
        return await self._asked("accounts", partial(self._backend.accounts, prefix))

    async def close_account(self, account: str) -> None:
        await self._asked("close_account", partial(self._backend.close_account, account))

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        return await self._asked("claim", partial(self._backend.claim, name, holder, seconds))

    def watch(self, kind: str, changed: Callable[[], None]) -> None:
        self._watchers.setdefault(kind, []).append(changed)

    async def flush(self) -> None:
        async with self._writing:
            for batch in self._pending.batches():
                await self._asked("write", partial(self._backend.write, batch))

    async def close(self) -> None:
        for task in self._tasks:
            await _end(task)
        try:
            await self._flush_at_last()
        finally:
            await self._backend.close()

    async def _flush_at_last(self) -> None:
        deadline = time.monotonic() + _LAST_CHANCE
        while True:
            try:
                return await self.flush()
            except StoreError as exc:
                if time.monotonic() > deadline:
                    raise StoreError(f"{self.depth} keys of state are lost: {exc.message}") from exc
            await asyncio.sleep(_FIRST_PAUSE)

    async def _write_on(self) -> None:
        pauses = _pauses()
        while True:
            await self._put.wait()
            self._put.clear()
            await asyncio.sleep(_BATCH)
            try:
                await self.flush()
                pauses = _pauses()
            except StoreError:
                await asyncio.sleep(next(pauses))
                self._put.set()

    async def _follow(self, changes: AsyncGenerator[set[str], None]) -> None:
        pauses = _pauses()
        while True:
            try:
                async for kinds in changes:
                    pauses = _pauses()
                    # Nothing named: it begins to listen again, and what was changed meanwhile was not heard.
                    self._tell(kinds or set(self._watchers))
            except StoreError as exc:
                log.debug("changes of others are not heard", store=self.name, error=exc.message)
            await asyncio.sleep(next(pauses))
            changes = self._backend.changes()

    def _tell(self, kinds: set[str]) -> None:
        for kind in kinds:
            for changed in self._watchers.get(kind, ()):
                changed()

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._calls:
            began, told = time.perf_counter(), _times_told_to_end()
            try:
                answer = await ask()
            except StoreError as exc:
                self._answered(what, began, exc.message)
                raise
            self._answered(what, began, "")
            if _times_told_to_end() > told:
                # Redis-py 8.1 writes through asyncio.wait_for, which in Python 3.11 takes an answer over a cancellation
                # that comes with it; nobody tells the task again.
                raise asyncio.CancelledError
            return answer

    def _answered(self, what: str, began: float, error: str) -> None:
        if error and self.healthy:
            log.warning("the store does not answer; state waits", store=self.name, error=error)
        elif not error and not self.healthy:
            log.info("the store answers again", store=self.name, keys=self.depth)
        self.healthy = not error
        self.observe(what, time.perf_counter() - began, bool(error))

    async def _insisted(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again under the same name: an answer that was lost may have been a yes."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._asked(what, ask)
            except StoreError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_FIRST_PAUSE)


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it ends: pymongo 4.20 takes some cancellations for errors of the network."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def _times_told_to_end() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _decoded(document: bytes) -> Chunk:
    try:
        chunk: Chunk = msgspec.json.decode(document)
    except msgspec.DecodeError as exc:
        raise StoreError(f"The state store holds what is not ours: {exc}") from exc
    return chunk


def _nobody(what: str, seconds: float, failed: bool) -> None:
    pass
