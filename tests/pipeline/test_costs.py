"""Costs: proxy.toml's, and those set at run time above them."""

from pipeline.costs import DEFAULT, KIND, Costs
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
