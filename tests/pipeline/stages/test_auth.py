"""Stage `auth`: keys and passwords, wherever they are carried."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.errors import Forbidden, Unauthorized
from pipeline.exchange import Exchange, Request
from pipeline.keys import KeyBook, KeyRing
from pipeline.ports import Ports
from pipeline.stages.auth import Auth
from stores.memory import MemoryState
from tests.pipeline.pools import HandClock


class Door:
    def __init__(self) -> None:
        self.clock, state = HandClock(), MemoryState()
        self.ring = KeyRing(state, {"password": "test-password"})
        self.book = KeyBook(state, self.clock)
        self.stage = Auth().build(cast("Ports", SimpleNamespace(keys=self.ring, clock=self.clock)))

    async def knock(self, *headers: tuple[bytes, bytes], query: bytes = b"") -> Exchange:
        await self.ring.load()
        request = Request("POST", "/", list(headers), b"", query)
        x = Exchange("x", request, cast("Any", None), 0.0)
        await self.stage(x)
        return x


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize("password", [True, False])
async def test_key_and_password_are_taken_from_every_place(door, password):
    made, key = door.book.create({})
    secret = b"test-password" if password else made.encode()
    name = "password" if password else key.id
    for headers, query in [
        ([(b"authorization", b"Bearer " + secret)], b""),
        ([(b"authorization", b"bearer " + secret)], b""),
        ([(b"x-goog-api-key", secret)], b""),
        ([(b"x-api-key", secret)], b""),
        ([], b"key=" + secret),
    ]:
        caller = (await door.knock(*headers, query=query)).caller
        assert caller is not None
        assert caller.name == name


async def test_missing_and_wrong_keys_are_unauthorized(door):
    for headers in ([], [(b"x-api-key", b"sk-wrong")], [(b"authorization", b"Basic dGVzdA==")]):
        with pytest.raises(Unauthorized):
            await door.knock(*headers)


async def test_disabled_key_is_forbidden(door):
    secret, _ = door.book.create({"enabled": False})
    with pytest.raises(Forbidden, match="disabled") as refused:
        await door.knock((b"x-api-key", secret.encode()))
    assert (refused.value.status, refused.value.error_type) == (403, "caller_auth")


async def test_key_is_good_until_it_expires(door):
    secret, _ = door.book.create({"expires": door.clock.now() + 10})
    await door.knock((b"x-api-key", secret.encode()))
    door.clock.time += 10
    with pytest.raises(Forbidden, match="expired"):
        await door.knock((b"x-api-key", secret.encode()))
