"""Every state store behind one contract: where it is, and how to open it as several processes would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pipeline.ports import StateStore
from pollux.settings import Storage
from pollux.storage import opened
from tests.stores.servers import SERVERS, Servers, servers

__all__ = ["servers"]

Opener = Callable[[], Awaitable[StateStore]]


def storage_of(kind: str, servers: Servers, directory: object) -> Storage:
    if kind == "memory":
        return Storage(url="memory:")
    return Storage(url="" if kind == "sqlite" else servers[kind].fresh(), data_dir=str(directory))


@pytest.fixture(params=["sqlite", *SERVERS])
def storage(request, servers, tmp_path) -> Storage:
    """A place for state that several processes can share."""
    return storage_of(request.param, servers, tmp_path)


@pytest.fixture
async def another(storage) -> AsyncIterator[Opener]:
    """Opens the store once more, as another process would."""
    stores = []

    async def open_another() -> StateStore:
        stores.append(await opened(storage))
        return stores[-1]

    yield open_another
    for store in stores:
        await store.close()


@pytest.fixture(params=["memory", "sqlite", *SERVERS])
async def state(request, servers, tmp_path) -> AsyncIterator[StateStore]:
    store = await opened(storage_of(request.param, servers, tmp_path))
    yield store
    await store.close()
