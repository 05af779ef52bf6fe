"""Several credential stores as one."""

import pytest

from pipeline.errors import StoreError
from pipeline.ports import Credential
from stores.memory import MemoryCredentials
from stores.sources import Sources, StaticSource


def key(name, secret):
    return Credential(id=name, kind="gemini_api", api_key=secret)


async def test_credential_in_two_sources_is_one_and_the_first_counts():
    sources = Sources(
        [MemoryCredentials([key("a", "test-key-1")]), StaticSource([key("b", "test-key-1"), key("c", "test-key-2")])]
    )
    assert [each.id for each in await sources.load()] == ["a", "c"]


async def test_name_that_another_store_has_given_is_not_given_again():
    first, second = MemoryCredentials(), MemoryCredentials([key("a", "test-key-1")])
    sources = Sources([first, second])
    assert await sources.add(key("a", "test-key-2")) == "a-2"
    assert [(each.id, each.api_key) for each in await sources.load()] == [("a-2", "test-key-2"), ("a", "test-key-1")]


async def test_of_two_credentials_with_one_name_the_first_stores_serves():
    sources = Sources([MemoryCredentials([key("a", "test-key-1")]), MemoryCredentials([key("a", "test-key-2")])])
    assert [each.api_key for each in await sources.load()] == ["test-key-1"]


async def test_save_reaches_the_source_it_came_from():
    first, second = MemoryCredentials([key("a", "test-key-1")]), StaticSource([key("b", "test-key-2")])
    sources = Sources([first, second])
    changed = (await sources.load())[1]
    changed.email = "b@example.com"
    await sources.save(changed)
    assert (await second.load())[0].email == "b@example.com"
    with pytest.raises(StoreError):
        await sources.save(key("nobody", "test-key-3"))


async def test_credential_from_the_environment_is_neither_added_nor_removed():
    static = StaticSource([key("a", "test-key-1")])
    with pytest.raises(StoreError):
        await static.add(key("b", "test-key-2"))
    with pytest.raises(StoreError):
        await Sources([MemoryCredentials(), static]).remove("a")
