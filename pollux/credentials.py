"""The credentials of a configuration, for commands that look after them without serving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from adapters.clock import SystemClock
from pipeline.leases import LeasePool
from pipeline.scheduling import API_KEYS_FIRST
from pollux import environment, storage
from pollux.settings import Storage
from stores.forms import Reading, scan
from stores.sources import Sources, StaticSource

if TYPE_CHECKING:
    from pipeline.ports import CredentialStore, StateStore
    from pollux.config import Loaded
    from stores.directory import DirectoryStore
    from stores.shared import SharedCredentials

log = structlog.get_logger(__name__)


class Credentials(Struct):
    """Credentials from everywhere, and what is known of each.

    Shape: `homes` are where they are kept, first where new ones go; `store` has those of the environment too.
    """

    homes: list[SharedCredentials | DirectoryStore]
    store: Sources
    state: StateStore
    pool: LeasePool


@asynccontextmanager
async def opened(loaded: Loaded, environ: Mapping[str, str]) -> AsyncIterator[Credentials]:
    """Open the credentials and their state; what was changed is durable at the end. Errors: StoreError."""
    settings = loaded.settings.storage
    state = await storage.opened(settings)
    try:
        homes = storage.homes(settings, state, environ)
        store = together(homes, settings, environ)
        pool = LeasePool(store, state, SystemClock(), dict.fromkeys(API_KEYS_FIRST, frozenset({"generate"})))
        await pool.reload()
        yield Credentials(homes, store, state, pool)
        await store.close()
    finally:
        await state.close()


def together(homes: Sequence[CredentialStore], settings: Storage, environ: Mapping[str, str]) -> Sources:
    """Return the credentials that serve, those kept and those of the environment, as one store."""
    given = from_environment(environ, settings)
    for problem in given.problems:
        log.warning("not a credential", variable=problem.entry, reason=problem.reason)
    kept = [] if environment.stand_alone(environ) else homes
    return Sources([*kept, StaticSource(given.credentials)])


def from_environment(environ: Mapping[str, str], storage: Storage) -> Reading:
    """Read the credentials that stand in the environment, and what is wrong with them."""
    found = Reading()
    for variable, document in environment.credentials(environ, storage.load_env_credentials):
        reading = scan(document.encode(), variable)
        found.credentials += reading.credentials
        found.problems += reading.problems
    return found
