"""One worker renews a credential at a time; what it saved is what the others take."""

from __future__ import annotations

import asyncio
import time

import pytest

from adapters.clock import SystemClock
from pipeline.ports import Credential
from pollux import turns as module
from pollux.turns import Turns
from stores.directory import DirectoryStore
from stores.memory import MemoryState
from stores.shared import SharedCredentials
from stores.sources import Sources, StaticSource


def credential(token: str = "old", left: float = -1.0) -> Credential:
    expires_at = time.time() + left
    return Credential(id="c1", kind="code_assist", access_token=token, refresh_token="made-up", expires_at=expires_at)


class Worker:
    """A worker among those that share a state, and the credentials it knows."""

    def __init__(self, state: MemoryState, store: Sources) -> None:
        self.known = [credential()]
        self.turns = Turns(state, store, SystemClock(), lambda: self.known)

    async def renew(self) -> str:
        async with self.turns.turn(self.known[0]) as renewed:
            return "" if renewed is None else renewed.access_token


@pytest.fixture
async def two():
    state = MemoryState()
    shared = SharedCredentials(state)
    await shared.add(credential())
    store = Sources([shared])
    await store.load()
    return Worker(state, store), Worker(state, store)


async def test_second_worker_waits_for_what_the_first_saves(two):
    first, second = two
    assert await first.renew() == ""
    waiting = asyncio.create_task(second.renew())
    await asyncio.sleep(0.15)
    assert not waiting.done()
    second.known = [credential("new", left=3599)]
    assert await waiting == "new"


async def test_turn_that_failed_is_the_next_workers(two):
    first, second = two
    with pytest.raises(ZeroDivisionError):
        async with first.turns.turn(first.known[0]):
            raise ZeroDivisionError
    assert await second.renew() == ""


async def test_token_that_is_never_seen_is_renewed_here_after_all(two, monkeypatch):
    monkeypatch.setattr(module, "_TURN", 0.2)
    first, second = two
    assert await first.renew() == ""
    assert await second.renew() == ""


async def test_token_renewed_before_the_turn_came_is_taken(two):
    first, _ = two
    held = first.known[0]
    first.known = [credential("new", left=3599)]
    async with first.turns.turn(held) as renewed:
        assert renewed is first.known[0]


async def test_credentials_of_the_environment_and_of_other_directories_wait_for_nobody(tmp_path):
    state = MemoryState()
    for home in (StaticSource([credential()]), DirectoryStore(tmp_path / "a"), DirectoryStore(tmp_path / "b")):
        if isinstance(home, DirectoryStore):
            await home.add(credential())
        store = Sources([home])
        await store.load()
        async with asyncio.timeout(1):
            assert await Worker(state, store).renew() == ""
