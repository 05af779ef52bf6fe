"""State in one SQLite file, which several processes of one machine may share."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

from pipeline.errors import StoreError
from pipeline.ports import Account
from stores.backend import Batch, moved
from stores.sqlite_file import Glance, SqliteFile

P = ParamSpec("P")
T = TypeVar("T")

_POLL = 0.02
"""Seconds between looks at what other processes wrote."""


class SqliteBackend:
    """One file; all work on it is done by one thread. Errors: as SqliteFile."""

    name = "sqlite"

    def __init__(self, path: Path, thread: ThreadPoolExecutor, file: SqliteFile, writer: str) -> None:
        self._path = path
        self._thread = thread
        self._file = file
        self._writer = writer

    @classmethod
    async def open(cls, path: str | os.PathLike[str]) -> "SqliteBackend":
        """Open the file, or make it."""
        thread, writer = ThreadPoolExecutor(1, "state"), uuid4().hex
        try:
            file = await asyncio.get_running_loop().run_in_executor(thread, SqliteFile, Path(path), writer)
        except StoreError:
            thread.shutdown(wait=False)
            raise
        return cls(Path(path), thread, file, writer)

    async def load(self, kind: str) -> dict[str, bytes]:
        return await self._run(self._file.load, kind)

    async def get(self, kind: str, key: str) -> bytes | None:
        return await self._run(self._file.get, kind, key)

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        return await self._run(self._file.counts, kind)

    async def write(self, batch: Batch) -> None:
        await self._run(self._file.write, batch)

    async def take(self, op: str, account: str, holder: str, amount: int, limit: int) -> int:
        return await self._run(self._file.take, account, holder, amount, limit)

    async def settle(self, op: str, account: str, holder: str, spent: int, back: int) -> None:
        await self._run(self._file.settle, account, holder, spent, back)

    async def accounts(self, prefix: str) -> dict[str, Account]:
        return await self._run(self._file.accounts, prefix)

    async def close_account(self, account: str) -> None:
        await self._run(self._file.close_account, account)

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        return await self._run(self._file.claim, name, holder, seconds)

    async def changes(self) -> AsyncGenerator[set[str], None]:
        # PERF: a look takes 5 us on the loop and would take 100 us by the thread, behind whatever that writes.
        glance = Glance(self._path, self._writer)
        try:
            seen = glance.changes() or {}
            yield set()
            while True:
                await asyncio.sleep(_POLL)
                now = glance.changes()
                if now is not None:
                    kinds, seen = moved(seen, now), now
                    if kinds:
                        yield kinds
        finally:
            glance.close()

    async def close(self) -> None:
        await self._run(self._file.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))
