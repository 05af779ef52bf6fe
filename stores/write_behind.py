"""State in a database, written behind: no caller waits for it, and nothing is lost while it is away."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
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
_PATIENCE = 2.0
"""Seconds within which a lease is asked for again when its answer was lost."""
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
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def over(cls, backend: Backend) -> "WriteBehind":
        """Return the store, listening and writing. Errors: StoreError."""
        store, changes = cls(backend), backend.changes()
        try:
            await anext(changes)
        except BaseException:
            await backend.close()
            raise
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
        documents = await self._asked("load", self._backend.load(kind))
        return {key: _decoded(document) for key, document in documents.items()}

    async def get(self, kind: str, key: str) -> Chunk | None:
        known, document = self._pending.find(kind, key)
        if not known:
            document = await self._asked("get", self._backend.get(kind, key))
        return None if document is None else _decoded(document)

    def put(self, kind: str, key: str, document: Chunk | None) -> None:
        self._pending.put(kind, key, None if document is None else msgspec.json.encode(document))
        self._put.set()

    def count(self, kind: str, key: str, amounts: Mapping[str, int]) -> None:
        self._pending.count(kind, key, amounts)
        self._put.set()

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        await self.flush()
        return await self._asked("counts", self._backend.counts(kind))

    def discount(self, kind: str, key: str) -> None:
        self._pending.discount(kind, key)
        self._put.set()

    async def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        op = uuid4().hex
        return await self._insisted("take", lambda: self._backend.take(op, account, holder, amount, limit))

    async def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        op = uuid4().hex
        await self._insisted("settle", lambda: self._backend.settle(op, account, holder, spent, back))

    async def accounts(self, prefix: str) -> dict[str, Account]:
        return await self._asked("accounts", self._backend.accounts(prefix))

    async def close_account(self, account: str) -> None:
        await self._asked("close_account", self._backend.close_account(account))

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        return await self._asked("claim", self._backend.claim(name, holder, seconds))

    def watch(self, kind: str, changed: Callable[[], None]) -> None:
        self._watchers.setdefault(kind, []).append(changed)

    async def flush(self) -> None:
        async with self._writing:
            for batch in self._pending.batches():
                await self._asked("write", self._backend.write(batch))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
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
        pause = _FIRST_PAUSE
        while True:
            await self._put.wait()
            self._put.clear()
            await asyncio.sleep(_BATCH)
            try:
                await self.flush()
                pause = _FIRST_PAUSE
            except StoreError as exc:
                if pause == _FIRST_PAUSE:
                    log.warning("state waits: it cannot be written", store=self.name, error=exc.message)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, _LONGEST_PAUSE)
                self._put.set()

    async def _follow(self, changes: AsyncGenerator[set[str], None]) -> None:
        while True:
            try:
                async for kinds in changes:
                    # Nothing named: it begins to listen again, and what was changed meanwhile was not heard.
                    self._tell(kinds or set(self._watchers))
            except StoreError as exc:
                log.warning("changes of others are not heard", store=self.name, error=exc.message)
            await asyncio.sleep(random.uniform(_FIRST_PAUSE, 10 * _FIRST_PAUSE))
            changes = self._backend.changes()

    def _tell(self, kinds: set[str]) -> None:
        for kind in kinds:
            for changed in self._watchers.get(kind, ()):
                changed()

    async def _asked(self, what: str, answer: Awaitable[T]) -> T:
        began = time.perf_counter()
        try:
            result = await answer
        except StoreError:
            self.healthy = False
            self.observe(what, time.perf_counter() - began, True)
            raise
        self.healthy = True
        self.observe(what, time.perf_counter() - began, False)
        return result

    async def _insisted(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again under the same name: an answer that was lost may have been a yes."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._asked(what, ask())
            except StoreError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_FIRST_PAUSE)


def _decoded(document: bytes) -> Chunk:
    try:
        chunk: Chunk = msgspec.json.decode(document)
    except msgspec.DecodeError as exc:
        raise StoreError(f"The state store holds what is not ours: {exc}") from exc
    return chunk


def _nobody(what: str, seconds: float, failed: bool) -> None:
    pass
