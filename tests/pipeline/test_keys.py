"""Client keys: shown once, known by digest, changed while in use, never twice the same."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.errors import StoreError
from pipeline.exchange import Caller, Key
from pipeline.keys import KIND, KeyBook, KeyRing, digest_of, masked, may_use
from pipeline.ports import Account
from stores.memory import MemoryState
from tests.pipeline.pools import HandClock


class ToldState(MemoryState):
    """Tells of its changes, and is away at times."""

    away = False

    def watch(self, kind, changed):
        self.changed = changed

    async def load(self, kind):
        if self.away:
            raise StoreError("made-up outage")
        return await super().load(kind)


@pytest.fixture
def state() -> ToldState:
    return ToldState()


@pytest.fixture
def book(state) -> KeyBook:
    return KeyBook(state, HandClock())


async def test_secret_is_stored_nowhere_and_opens_the_door(state, book):
    secret, key = book.create({"description": "张三", "total_quota": 5})
    assert len(secret) == 51
    assert secret.startswith("sk-")
    assert secret[3:].isalnum()
    assert secret not in str(await state.load(KIND))
    ring = KeyRing(state, {"password": "test-password"})
    await ring.following.start()
    assert ring.caller(secret) == Caller(key.id, key=key)
    assert ring.caller("test-password") == Caller("password")
    assert ring.caller("sk-wrong") is None
    assert ring.caller("") is None


async def test_empty_password_admits_nobody(state):
    assert KeyRing(state, {"password": ""}).caller("") is None


async def test_ids_are_never_given_again(book):
    made = {book.create({})[1].id for _ in range(50)}
    assert len(made) == 50


def test_mask_shows_first_ten_and_last_three():
    assert masked("sk-AbCdEfGhIjKlMnOp456") == "sk-AbCdEfG...456"


async def test_key_is_found_by_id_mask_and_secret(book):
    secret, key = book.create({})
    for name in (key.id, key.mask, secret):
        found = await book.find(name)
        assert found == key
    assert await book.find("sk-another") is None


async def test_change_reaches_the_ring_and_keeps_unknown_fields(state, book):
    secret, key = book.create({})
    document = await state.get(KIND, key.id)
    state.put(KIND, key.id, {**document, "of_a_later_version": 1})
    ring = KeyRing(state, {})
    await ring.following.start()
    changed = await book.update(key.id, {"enabled": False, "rpm": 7})
    assert changed is not None
    assert (changed.enabled, changed.rpm, changed.created) == (False, 7, key.created)
    assert (await state.get(KIND, key.id))["of_a_later_version"] == 1
    state.changed()
    await asyncio.sleep(0.01)
    assert ring.caller(secret) == Caller(key.id, key=changed)
    assert await book.update("unknown", {}) is None


async def test_revoked_key_and_its_accounts_are_gone(state, book):
    secret, key = book.create({"total_quota": 5})
    await state.take(f"key/{key.id}/total", "made-up", 2, 5)
    assert await book.revoke(key.id)
    assert not await book.revoke(key.id)
    ring = KeyRing(state, {})
    await ring.load()
    assert ring.caller(secret) is None
    assert await state.accounts("key/") == {}


@pytest.mark.parametrize("options", [{"rpm": -1}, {"total_quota": "many"}, {"models": "gemini"}, {"rpm": 2**60}])
async def test_impossible_limit_is_refused(book, options):
    with pytest.raises(ValueError, match="Expected"):
        book.create(options)


async def test_one_damaged_key_does_not_shut_out_the_others(state, book):
    secret, _ = book.create({})
    state.put(KIND, "damaged", {"digest": digest_of("sk-1"), "rpm": "x"})
    state.put(KIND, "strange", {})
    ring = KeyRing(state, {})
    await ring.load()
    assert ring.caller(secret) is not None
    assert ring.caller("sk-1") is None


async def test_ring_keeps_its_keys_while_the_store_is_away(state, book):
    secret, _ = book.create({})
    ring = KeyRing(state, {})
    await ring.following.start()
    state.away = True
    state.changed()
    await asyncio.sleep(0.01)
    assert ring.caller(secret) is not None
    ring.following.close()


def test_globs_say_which_models_a_key_may_use():
    key = Key(id="k", models=["gemini-*-flash", "gemini-2.5-pro"])
    assert may_use(key, "gemini-3.8-flash")
    assert may_use(key, "gemini-2.5-pro")
    assert not may_use(key, "gemini-3-pro-preview")
    assert may_use(Key(id="k"), "anything")


async def test_used_up_quota_of_a_revoked_key_is_not_inherited(state, book):
    _, old = book.create({"total_quota": 1})
    await state.take(f"key/{old.id}/total", "made-up", 1, 1)
    await state.settle(f"key/{old.id}/total", "made-up", 1, 0)
    await book.revoke(old.id)
    _, new = book.create({"total_quota": 1})
    assert (await state.accounts(f"key/{new.id}/")).get("total", Account()).spent == 0
