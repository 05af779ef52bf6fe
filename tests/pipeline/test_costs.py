"""Costs: proxy.toml's, and those set at run time above them."""

import asyncio

from pipeline.costs import DEFAULT, KIND, Costs
from pipeline.exchange import Chunk
from stores.memory import MemoryState


async def test_cost_set_at_run_time_wins_and_can_be_taken_back():
    state = MemoryState()
    state.put(KIND, "gemini-2.5-pro", {"cost": 7})
    costs = Costs(state)
    await costs.following.start()
    assert costs.of("gemini-2.5-pro", DEFAULT) == 7
    assert costs.of("gemini-2.5-flash", DEFAULT) == 2
    assert costs.of("unknown", DEFAULT) is None
    costs.put("unknown", 3)
    costs.put("gemini-2.5-pro", None)
    assert costs.all(DEFAULT) == {**DEFAULT, "unknown": 3}
    await costs.load()
    assert costs.all(DEFAULT) == {**DEFAULT, "unknown": 3}


async def test_cost_set_while_costs_are_read_is_kept():
    class Slow(MemoryState):
        async def load(self, kind: str) -> dict[str, Chunk]:
            found = await super().load(kind)
            await asyncio.sleep(0.01)
            return found

    costs = Costs(Slow())
    await costs.following.start()
    costs.following.changed()
    await asyncio.sleep(0)
    costs.put("unknown", 3)
    await asyncio.sleep(0.05)
    assert costs.of("unknown", DEFAULT) == 3
