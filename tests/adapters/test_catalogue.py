"""The models listed: Google's own list, the table, and what happens when Google does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import orjson
import pytest

from adapters.catalogue import FRESH, GoogleCatalogue
from adapters.egress import Egress, Fetched
from adapters.families import FAMILIES
from adapters.simulator import Fault, Scenario, Simulator
from pipeline.ports import Credential
from tests.adapters.upstreams.rig import StillClock, everything_at

KEY = Credential(id="k1", kind="gemini_api", api_key="test-key-1")
PERSON = Credential(id="c1", kind="code_assist")
ROBOT = Credential(id="v1", kind="vertex")


class Rig:
    def __init__(self, sim: Simulator, egress: Egress) -> None:
        self.sim = sim
        self.clock = StillClock()
        self.credentials = [KEY]
        self.catalogue = GoogleCatalogue(egress, self.clock, lambda: self.credentials, everything_at(sim.url))

    @property
    def calls(self) -> int:
        return len(self.sim.requests)

    async def names(self) -> list[str]:
        return [model["name"].removeprefix("models/") for model in await self.catalogue.models()]

    async def settle(self) -> None:
        if self.catalogue._flight is not None:
            await asyncio.wait([self.catalogue._flight])


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    egress = Egress()
    async with Simulator(Scenario()) as sim:
        rig = Rig(sim, egress)
        yield rig
        await rig.catalogue.close()
        await egress.close()


async def test_list_is_googles_own_with_an_api_key(rig):
    models = await rig.catalogue.models()
    assert rig.calls == 1
    by_name = {model["name"]: model for model in models}
    assert by_name["models/gemini-3.8-flash"]["inputTokenLimit"] == 1_048_576
    assert "generateContent" in by_name["models/gemini-3.8-flash"]["supportedGenerationMethods"]
    assert rig.sim.requests[0].headers["x-goog-api-key"] == "test-key-1"
    assert "key" not in rig.sim.requests[0].query


async def test_all_pages_are_read(rig):
    rig.catalogue._url = rig.catalogue._url.replace("pageSize=1000", "pageSize=5")
    assert len(await rig.names()) > 10
    assert rig.calls > 2
    assert rig.sim.requests[1].query["pageToken"]


async def test_list_is_asked_for_once_an_hour_and_renewed_while_the_old_one_serves(rig):
    before = await rig.names()
    await rig.names()
    assert rig.calls == 1
    rig.clock.passed += FRESH + 1
    rig.sim.script(latency=0.05)
    assert await rig.names() == before
    await rig.settle()
    assert rig.calls == 2


async def test_google_that_does_not_answer_leaves_the_table_and_is_asked_again_later(rig):
    rig.sim.script(Fault("html-502", times=3))
    assert "gemini-3.8-flash" in await rig.names()
    assert "gemini-3-flash" not in await rig.names()
    assert rig.calls == 1
    rig.clock.passed += 61
    await rig.names()
    await rig.settle()
    assert rig.calls == 2


class Answering:
    """An egress that answers each request with the same page."""

    def __init__(self, page: object) -> None:
        self.page = page

    async def fetch(self, *_: object) -> Fetched:
        return Fetched(200, [], orjson.dumps(self.page))


@pytest.mark.parametrize(
    "page",
    [
        {"models": "none", "nextPageToken": 7},
        {"models": {"name": "models/gemini-odd"}, "nextPageToken": ["x"]},
        {"models": [None, 3, {}, {"name": 3}, {"supportedGenerationMethods": ["generateContent"]}]},
        {"models": [{"name": "models/gemini-odd", "supportedGenerationMethods": each} for each in ("x", 3, [{}, 3])]},
    ],
)
async def test_what_is_no_list_of_models_lists_none(page: object) -> None:
    catalogue = GoogleCatalogue(cast("Egress", Answering(page)), StillClock(), lambda: [KEY])
    assert await catalogue.models() == []
    await catalogue.close()


async def test_key_that_may_not_list_is_followed_by_another(rig):
    rig.credentials = [Credential(id="k0", kind="gemini_api", api_key="bad-key"), KEY]
    assert "gemini-3.8-flash" in await rig.names()
    assert [entry.headers["x-goog-api-key"] for entry in rig.sim.requests] == ["bad-key", "test-key-1"]


async def test_kinds_present_decide_what_the_table_lists(rig):
    rig.credentials = []
    assert await rig.names() == []
    rig.credentials = [Credential(id="off", kind="vertex", disabled="by the operator")]
    assert await rig.names() == []
    rig.credentials = [PERSON]
    names = await rig.names()
    assert {"gemini-3-flash", "gemini-3.5-flash", "gemini-2.5-pro"} <= set(names)
    assert not {name for name in names if "embedding" in name or "image" in name or "latest" in name}
    rig.credentials = [ROBOT]
    names = await rig.names()
    assert "gemini-embedding-001" in names
    assert "gemini-3-flash" not in names
    assert rig.calls == 0


async def test_two_kinds_are_listed_together_by_name(rig):
    rig.credentials = [KEY, PERSON]
    names = await rig.names()
    assert names == sorted(set(names))
    assert {"gemini-3-flash", "gemini-embedding-001"} <= set(names)


def test_table_names_each_model_once():
    names = [family.name for family in FAMILIES]
    assert len(names) == len(set(names))
    assert all(family.kinds for family in FAMILIES)
