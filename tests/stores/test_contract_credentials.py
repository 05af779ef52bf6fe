"""What every credential store promises."""

import asyncio
import base64
import json

import msgspec
import pytest

from pipeline.ports import CredentialStore
from stores.directory import DirectoryStore
from stores.forms import read_credentials
from stores.memory import MemoryCredentials, MemoryState
from stores.sealing import Sealer
from stores.shared import SharedCredentials
from stores.sources import Sources, StaticSource
from tests.stores.credentials import GCLI2API, GEMINI_CLI, NESTED


def made(document, name):
    return read_credentials(json.dumps(document).encode(), name)[0]


KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture(params=["memory", "directory", "sealed directory", "shared", "sealed shared", "sources"])
async def store(request, tmp_path):
    directory = DirectoryStore(tmp_path / "creds", interval=0.02)
    stores: dict[str, CredentialStore] = {
        "memory": MemoryCredentials(),
        "directory": directory,
        "sealed directory": DirectoryStore(tmp_path / "creds", interval=0.02, sealer=Sealer([KEY])),
        "shared": SharedCredentials(MemoryState()),
        "sealed shared": SharedCredentials(MemoryState(), Sealer([KEY])),
        "sources": Sources([directory, StaticSource([])]),
    }
    yield stores[request.param]
    await stores[request.param].close()


async def test_credential_added_is_loaded(store):
    assert await store.load() == []
    assert await store.add(made(GCLI2API, "a.json")) == "a"
    (loaded,) = await store.load()
    assert (loaded.id, loaded.refresh_token, loaded.projects) == ("a", "made-up-refresh-2", ["project-2"])


async def test_same_credential_added_twice_is_one(store):
    assert await store.add(made(GCLI2API, "a.json")) == "a"
    assert await store.add(made(GCLI2API, "b.json")) == "a"
    assert len(await store.load()) == 1


async def test_saved_change_is_loaded_and_unknown_fields_survive(store):
    await store.add(made(GEMINI_CLI, "a.json"))
    (loaded,) = await store.load()
    await store.save(msgspec.structs.replace(loaded, access_token="made-up-new", expires_at=1767225600.0))
    (again,) = await store.load()
    assert (again.access_token, again.expires_at) == ("made-up-new", 1767225600.0)
    assert again.extra["id_token"] == "made-up-id-token"


async def test_removed_credential_is_gone_and_removing_nothing_says_so(store):
    await store.add(made(GCLI2API, "a.json"))
    await store.load()
    assert await store.remove("a")
    assert not await store.remove("a")
    assert await store.load() == []


async def test_change_of_the_set_is_told(store):
    await store.load()
    told = asyncio.Event()
    store.watch(told.set)
    await store.add(made(NESTED, "a.json"))
    await asyncio.wait_for(told.wait(), 5)
    told.clear()
    await store.remove("a")
    await asyncio.wait_for(told.wait(), 5)
