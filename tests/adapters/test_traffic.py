"""The traffic of the last hour: exact over workers, bounded, and gone after the hour."""

from __future__ import annotations

from typing import Any

from adapters.dialects.openai import OpenAIChat
from adapters.traffic import HOUR, KIND, STEP, Traffic
from pipeline.errors import BadRequest, Broken
from pipeline.exchange import Exchange, Request
from stores.memory import MemoryState
from tests.adapters.upstreams.rig import StillClock


def ended(*, stream: bool = False, ttft: float = 0.0, usage: dict[str, int] | None = None) -> Any:
    x = Exchange("id", Request("POST", "/v1/chat/completions", []), OpenAIChat(), 100.0, model="m", stream=stream)
    x.first_byte = 100.0 + ttft if ttft else 0.0
    x.usage = usage or {}
    return x


async def test_workers_add_up():
    state, clock = MemoryState(), StillClock()
    one, other = Traffic(state, clock), Traffic(state, clock)
    for traffic in (one, other):
        traffic.done(ended(usage={"promptTokenCount": 3}), None)
        traffic.done(ended(), Broken("cut"))
    await other.close()
    hour = await one.hour()
    assert len(hour) == HOUR // STEP
    assert (sum(each.requests for each in hour), sum(each.errors for each in hour)) == (4, 2)
    assert hour[-1].tokens == {"input": 6}


async def test_percentiles_are_right_to_a_fifth():
    traffic = Traffic(MemoryState(), StillClock())
    for number in range(1, 101):
        traffic.done(ended(stream=True, ttft=number / 10), None)
    (last,) = [each for each in await traffic.hour() if each.ttft]
    for percent, exact in ((50, 5.0), (90, 9.0), (99, 9.9)):
        assert exact <= last.ttft[percent] * 1.001 <= exact * 1.2


async def test_stretches_older_than_the_hour_are_forgotten():
    state, clock = MemoryState(), StillClock()
    traffic = Traffic(state, clock)
    traffic.done(ended(), None)
    await traffic.hour()
    clock.passed += 2 * HOUR + STEP
    assert sum(each.requests for each in await traffic.hour()) == 0
    assert await state.counts(KIND) == {}


async def test_failures_are_few_and_without_secrets():
    traffic = Traffic(MemoryState(), StillClock())
    for number in range(100):
        traffic.done(ended(), BadRequest(f"{number}: api_key=canary-secret"))
    assert len(traffic.failures) == 50
    assert not any("canary" in each.message for each in traffic.failures)
