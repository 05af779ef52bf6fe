"""The credentials of a configuration, for commands that look after them without serving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.clock import SystemClock
from pipeline.leases import LeasePool
from pipeline.scheduling import API_KEYS_FIRST
from pollux import environment
from pollux.settings import Storage
from stores.directory import DirectoryStore
from stores.forms import Reading, scan
from stores.sources import Sources, StaticSource
from stores.sqlite import SqliteState

if TYPE_CHECKING:
    from pollux.config import Loaded

STATE = "state.db"
"""The embedded state, in data_dir."""


class Credentials(Struct):
    """Credentials from everywhere, and what is known of each.

    Shape: `directory` is where new ones go and the only place from which one can be removed; `store` has those of
        the environment too.
    """

    directory: DirectoryStore
    store: Sources
    pool: LeasePool


@asynccontextmanager
async def opened(loaded: Loaded, environ: Mapping[str, str]) -> AsyncIterator[Credentials]:
    """Open the credentials and their state; what was changed is durable at the end. Errors: StoreError."""
    storage = loaded.settings.storage
    state = SqliteState(Path(storage.data_dir) / STATE)
    try:
        directory = DirectoryStore(Path(storage.credentials_dir))
        store = Sources([directory, StaticSource(from_environment(environ, storage).credentials)])
        pool = LeasePool(store, state, SystemClock(), dict.fromkeys(API_KEYS_FIRST, frozenset({"generate"})))
        await pool.reload()
        yield Credentials(directory, store, pool)
        await store.close()
    finally:
        await state.close()


def from_environment(environ: Mapping[str, str], storage: Storage) -> Reading:
    """Read the credentials that stand in the environment, and what is wrong with them."""
    found = Reading()
    for variable, document in environment.credentials(environ, storage.load_env_credentials):
        reading = scan(document.encode(), variable)
        found.credentials += reading.credentials
        found.problems += reading.problems
    return found
