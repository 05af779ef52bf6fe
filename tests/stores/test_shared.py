"""Credentials in a shared store: seen by all machines, each renewed by one and lost by none."""

import asyncio
import json

import pytest

from pipeline.errors import StoreError
from stores.forms import read_credentials
from stores.memory import MemoryState
from stores.shared import KIND, SharedCredentials
from tests.stores.credentials import GCLI2API, GEMINI_CLI, NESTED


def made(document, name="a.json"):
    return read_credentials(json.dumps(document).encode(), name)[0]


async def test_credential_added_or_removed_on_one_machine_is_seen_by_another_within_a_second(another):
    mine, theirs = SharedCredentials(await another()), SharedCredentials(await another())
    assert await theirs.load() == []
    told = asyncio.Event()
    theirs.watch(told.set)
    for change, expected in ((lambda: mine.add(made(GCLI2API)), ["a"]), (lambda: mine.remove("a"), [])):
        told.clear()
        await change()
        await asyncio.wait_for(told.wait(), 1)
        assert [each.id for each in await theirs.load()] == expected
    await mine.close()
    await theirs.close()


async def test_token_renewed_on_one_machine_is_known_on_another(another):
    mine, theirs = SharedCredentials(await another()), SharedCredentials(await another())
    await mine.add(made(GCLI2API))
    (credential,) = await mine.load()
    await theirs.load()
    told = asyncio.Event()
    theirs.watch(told.set)
    credential.access_token = "made-up-new"
    await mine.save(credential)
    async with asyncio.timeout(2):
        while (await theirs.load())[0].access_token != "made-up-new":
            await told.wait()
            told.clear()


async def test_credential_that_did_not_change_stays_the_same_object():
    state = MemoryState()
    store, other = SharedCredentials(state), SharedCredentials(state)
    await store.add(made(GCLI2API, "a.json"))
    first = (await store.load())[0]
    await other.add(made(GEMINI_CLI, "b.json"))
    assert (await store.load())[0] is first


async def test_what_another_machine_changed_meanwhile_stays_and_is_read():
    state = MemoryState()
    mine, theirs = SharedCredentials(state), SharedCredentials(state)
    await mine.add(made(GCLI2API))
    (credential,), (other,) = await mine.load(), await theirs.load()
    other.email, other.projects = "person@made-up.example", ["another"]
    await theirs.save(other)
    told = asyncio.Event()
    mine.watch(told.set)
    credential.access_token = "made-up-new"
    await mine.save(credential)
    await asyncio.wait_for(told.wait(), 1)
    (known,) = await mine.load()
    assert (known.email, known.projects) == ("person@made-up.example", ["another"])
    assert known.access_token == "made-up-new"
    await mine.close()


async def test_name_that_is_taken_is_not_given_again():
    store = SharedCredentials(MemoryState())
    assert await store.add(made(GCLI2API)) == "a"
    assert await store.add(made(GEMINI_CLI)) == "a-2"
    assert [each.id for each in await store.load()] == ["a", "a-2"]


async def test_removed_credential_does_not_come_back_with_a_refresh():
    state = MemoryState()
    store = SharedCredentials(state)
    await store.add(made(GCLI2API))
    (credential,) = await store.load()
    await SharedCredentials(state).remove("a")
    credential.access_token = "made-up-new"
    with pytest.raises(StoreError, match="not in the shared store"):
        await store.save(credential)
    assert await state.load(KIND) == {}


async def test_credential_that_took_the_place_of_another_is_not_overwritten():
    state = MemoryState()
    store = SharedCredentials(state)
    await store.add(made(GCLI2API))
    (credential,) = await store.load()
    state.put(KIND, "a", NESTED)
    credential.access_token = "made-up-new"
    with pytest.raises(StoreError, match="another credential"):
        await store.save(credential)
    assert await state.load(KIND) == {"a": NESTED}


async def test_document_that_is_no_credential_is_passed_over():
    state = MemoryState()
    state.put(KIND, "bad", {"installed": {}})
    state.put(KIND, "good", GCLI2API)
    assert [each.id for each in await SharedCredentials(state).load()] == ["good"]
