"""The store is the one that the settings name, and a wrong name is said before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pollux.config import load
from pollux.problem import ConfigErrors
from pollux.settings import Storage
from pollux.storage import homes, opened
from stores.directory import DirectoryStore
from stores.memory import MemoryState
from stores.shared import SharedCredentials
from stores.write_behind import WriteBehind


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "rediss://user:made-up@host:6379/1",
        "redis+sentinel://one,two:26379/main",
        "rediss+cluster://one:1,two:2",
        "postgres://host/database",
        "postgresql:///database?host=/run/postgresql",
        "mongodb://one,two/?replicaSet=main",
        "mongodb+srv://host",
        "memory:",
    ],
)
def test_url_of_every_store_is_taken(url: str) -> None:
    assert load(None, {"STORAGE_URL": url}).settings.storage.url == url


@pytest.mark.parametrize("url", ["mysql://user:made-up-secret@host", "redis", "redis:/host", "sqlite:///x.db"])
def test_url_of_no_store_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        load(None, {"STORAGE_URL": url})
    (problem,) = refused.value.problems
    assert "redis://, postgresql:// or mongodb:// URL" in problem.message
    assert "made-up-secret" not in str(refused.value)


def test_memory_is_refused_where_several_workers_would_each_have_their_own() -> None:
    with pytest.raises(ConfigErrors, match="1 worker"):
        load(None, {"STORAGE_URL": "memory:", "WORKERS": "2"})


async def test_embedded_state_is_a_file_and_memory_is_none(tmp_path: Path) -> None:
    embedded = await opened(Storage(data_dir=str(tmp_path)))
    assert isinstance(embedded, WriteBehind)
    await embedded.close()
    assert tmp_path.joinpath("state.db").stat().st_mode & 0o777 == 0o600
    assert isinstance(await opened(Storage(url="memory:")), MemoryState)


def test_credentials_are_shared_where_the_store_is() -> None:
    state = MemoryState()
    assert [type(home) for home in homes(Storage(), state, {})] == [DirectoryStore]
    assert [type(home) for home in homes(Storage(url="redis://host"), state, {})] == [SharedCredentials, DirectoryStore]
