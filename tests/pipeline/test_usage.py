"""Statistics: by credential, model and key, by day, and bounded."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pipeline.errors import Broken, Limited
from pipeline.exchange import Caller, Exchange
from pipeline.ports import Credential, Lease
from pipeline.usage import HISTORY, UNKNOWN_MODEL, UsageBook
from pipeline.windows import Windows
from stores.memory import MemoryState
from tests.pipeline.pools import HandClock, exchange

USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 17}


class Rig:
    def __init__(self) -> None:
        self.state = MemoryState()
        self.clock = HandClock()
        self.book = UsageBook(self.state, self.clock, Windows())


@pytest.fixture
def rig() -> Rig:
    return Rig()


def ended(model: str = "gemini-2.5-pro", credential: str = "one", **fields: Any) -> Exchange:
    x = exchange(model)
    x.caller, x.usage = Caller("key-1"), dict(USAGE)

    class Leased:
        def __init__(self) -> None:
            self.credential = Credential(id=credential, kind="gemini_api")

    x.lease = cast("Lease", Leased())
    for name, value in fields.items():
        setattr(x, name, value)
    return x


async def test_calls_tokens_and_success_are_counted_for_all_three(rig):
    rig.book.record(ended(), None)
    rig.book.record(ended(usage={}), Broken())
    for scope, name in (("model", "gemini-2.5-pro"), ("credential", "one"), ("key", "key-1")):
        (found,) = (await rig.book.today(scope)).items()
        assert found[0] == name
        assert (found[1].calls, found[1].ok, found[1].success_rate) == (2, 1, 0.5)
        assert found[1].tokens == {"input": 10, "output": 5, "thoughts": 2}
    (key,) = (await rig.book.read("key")).values()
    assert key.models == {"gemini-2.5-pro": {"calls": 2, "ok": 1, "cost": 0}}


async def test_day_ends_at_midnight_of_the_zone_and_history_keeps_it(rig):
    rig.book.record(ended(), None)
    rig.clock.time += 86400
    rig.book.record(ended(), None)
    rig.book.record(ended(), None)
    assert (await rig.book.today("model"))["gemini-2.5-pro"].calls == 2
    history = await rig.book.history("model", "gemini-2.5-pro", 3)
    assert [day.calls for day in history.values()] == [2, 1, 0]
    assert (await rig.book.read("model"))["gemini-2.5-pro"].calls == 3


async def test_reset_forgets_today_and_all_time(rig):
    rig.book.record(ended(), None)
    rig.book.record(ended(credential="two"), None)
    rig.book.reset("credential", "one")
    assert list(await rig.book.today("credential")) == ["two"]
    assert list(await rig.book.read("credential")) == ["two"]


async def test_names_that_were_never_answered_share_one_line(rig):
    for number in range(50):
        rig.book.record(ended(f"made-up-{number}"), Broken())
    assert list(await rig.book.read("model")) == [UNKNOWN_MODEL]
    rig.book.record(ended("made-up-1"), None)
    rig.book.write()
    again = UsageBook(rig.state, rig.clock, Windows())
    await again.start()
    again.record(ended("made-up-1"), Broken())
    assert (await again.read("model"))["made-up-1"].calls == 2


async def test_what_asked_nobody_is_no_call(rig):
    rig.book.record(ended(operation="models"), None)
    rig.book.record(ended(lease=None), Limited())
    rig.book.record(ended(caller=None), None)
    assert await rig.book.read("key") == {}


async def test_days_beyond_the_history_are_forgotten(rig):
    rig.book.record(ended(), None)
    rig.clock.time += (HISTORY + 1) * 86400
    await rig.book.prune()
    rig.clock.time -= (HISTORY + 1) * 86400
    assert await rig.book.today("model") == {}
