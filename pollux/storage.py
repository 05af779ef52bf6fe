"""Opens the store that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.errors import StoreError
from stores.directory import DirectoryStore
from stores.memory import MemoryState
from stores.sealing import Sealer
from stores.shared import SharedCredentials
from stores.sqlite import SqliteBackend
from stores.write_behind import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ports import StateStore
    from pollux.settings import Storage
    from stores.backend import Backend

STATE = "state.db"
"""The embedded state, in data_dir."""

KEY, KEY_BEFORE = "POLLUX_ENCRYPTION_KEY", "POLLUX_ENCRYPTION_KEY_OLD"
"""The variables that hold what credentials are encrypted with, and what they were until now."""

DRIVERS = {
    **dict.fromkeys(("redis", "rediss", "redis+sentinel", "rediss+sentinel"), "redis"),
    **dict.fromkeys(("redis+cluster", "rediss+cluster"), "redis"),
    **dict.fromkeys(("postgresql", "postgres"), "asyncpg"),
    **dict.fromkeys(("mongodb", "mongodb+srv"), "pymongo"),
}
"""The library that each kind of URL needs."""

EXTRAS = {"redis": "redis", "asyncpg": "postgres", "pymongo": "mongo"}
"""The extra that brings each of them."""


def scheme(storage: Storage) -> str:
    """Return the kind of URL, empty for the embedded state."""
    return urlsplit(storage.url).scheme


async def opened(storage: Storage) -> WriteBehind | MemoryState:
    """Open the state store. Errors: StoreError when it cannot be reached or used; there is no other instead."""
    if scheme(storage) == "memory":
        return MemoryState()
    return await WriteBehind.over(await _backend(storage))


def homes(storage: Storage, state: StateStore, environ: Mapping[str, str]) -> list[SharedCredentials | DirectoryStore]:
    """Return where credentials are kept; new ones go to the first, which all machines share where there is one."""
    sealer = Sealer([environ.get(KEY, ""), environ.get(KEY_BEFORE, "")])
    directory = DirectoryStore(Path(storage.credentials_dir), sealer=sealer)
    return [SharedCredentials(state, sealer), directory] if storage.url else [directory]


async def _backend(storage: Storage) -> Backend:
    if not storage.url:
        return await SqliteBackend.open(Path(storage.data_dir) / STATE)
    driver = DRIVERS[scheme(storage)]
    try:
        if driver == "redis":
            from stores.redis import RedisBackend

            return await RedisBackend.open(storage.url, storage.database)
        if driver == "asyncpg":
            from stores.postgres import PostgresBackend

            return await PostgresBackend.open(storage.url, storage.database)
        from stores.mongo import MongoBackend
    except ModuleNotFoundError as exc:
        raise StoreError(f"{driver} is not installed: pip install 'pollux[{EXTRAS[driver]}]'") from exc
    return await MongoBackend.open(storage.url, storage.database)
