"""What every state store promises."""

import pytest

from stores.memory import MemoryState
from stores.sqlite import SqliteState


@pytest.fixture(params=["memory", "sqlite"])
async def state(request, tmp_path):
    store = MemoryState() if request.param == "memory" else SqliteState(tmp_path / "state.db")
    yield store
    await store.close()


async def test_document_put_is_loaded_by_its_kind_and_key(state):
    state.put("cooldown", "a", {"until": 1.5, "why": "冷却"})
    state.put("cooldown", "b", {})
    state.put("rotation", "a", {"unit": "a"})
    assert await state.load("cooldown") == {"a": {"until": 1.5, "why": "冷却"}, "b": {}}
    assert await state.load("nothing") == {}


async def test_latest_put_wins_and_none_removes(state):
    for number in range(100):
        state.put("count", "a", {"number": number})
    state.put("count", "b", {})
    state.put("count", "b", None)
    state.put("count", "never", None)
    assert await state.load("count") == {"a": {"number": 99}}
    state.put("count", "a", None)
    await state.flush()
    assert await state.load("count") == {}


async def test_loaded_documents_belong_to_whoever_loaded_them(state):
    mine = {"list": [1]}
    state.put("kind", "a", mine)
    mine["list"].append(2)
    (await state.load("kind"))["a"]["list"].append(3)
    assert await state.load("kind") == {"a": {"list": [1]}}


async def test_many_puts_are_all_there_after_a_flush(state):
    for number in range(5_000):
        state.put("many", str(number), {"number": number})
    await state.flush()
    assert len(await state.load("many")) == 5_000
