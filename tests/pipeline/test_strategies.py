"""Which unit each strategy serves from."""

from collections import Counter
from typing import Any

import pytest

from pipeline.errors import Broken
from pipeline.leases import UnitLease
from tests.pipeline.pools import Rig, exchange, key

STRATEGIES = ["rotation", "least-used", "weighted", "adaptive", "fill-first", "cache-affine"]


async def rig_of(strategy: str, count: int = 3, **scheduling: Any) -> Rig:
    return await Rig(*(key("abcdefghij"[n]) for n in range(count)), strategy=strategy, **scheduling).started()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_each_strategy_serves_from_every_unit_when_the_others_have_met_the_request(strategy):
    rig = await rig_of(strategy)
    met = []
    async for lease in rig.pool.leases(exchange(), 3, 0.0):
        met.append(lease.credential.id)
        lease.fail(Broken())
    assert sorted(met) == ["a", "b", "c"]


async def test_fill_first_stays_with_the_first_until_it_is_full():
    rig = await rig_of("fill-first", concurrency=2)
    assert await rig.served(5) == ["a"] * 5
    leases = [await rig.lease() for _ in range(5)]
    assert [lease.credential.id for lease in leases] == ["a", "a", "b", "b", "c"]


async def test_least_used_serves_where_least_is_under_way():
    rig = await rig_of("least-used")
    leases = [await rig.lease() for _ in range(6)]
    assert Counter(lease.credential.id for lease in leases) == {"a": 2, "b": 2, "c": 2}
    for lease in leases:
        if lease.credential.id == "b":
            await lease.close(None)
    assert [(await rig.lease()).credential.id for _ in range(2)] == ["b", "b"]


async def test_least_used_takes_turns_among_the_idle():
    rig = await rig_of("least-used")
    assert await rig.served(6) == ["a", "b", "c"] * 2


async def test_weighted_serves_in_proportion_and_evenly_spread():
    rig = await rig_of("weighted", weights={"a": 2.0, "b": 1.0, "*": 1.0})
    served = await rig.served(400)
    assert Counter(served) == {"a": 200, "b": 100, "c": 100}
    for start in range(0, 400, 4):
        assert Counter(served[start : start + 4])["a"] == 2


async def test_weighted_shares_what_a_resting_unit_leaves():
    rig = await rig_of("weighted", weights={"a": 3.0})
    rig.pool.disable("b", "")
    assert Counter(await rig.served(40)) == {"a": 30, "c": 10}


async def answered(rig: Rig, seconds: dict[str, float]) -> UnitLease:
    """One call that takes as long as its credential does; breaks where that is 0."""
    lease = await rig.lease()
    took = seconds[lease.credential.id]
    rig.clock.time += took or 0.1
    if not took:
        lease.fail(Broken())
    await lease.close(lease.failure)
    return lease


async def test_adaptive_prefers_the_quick_and_the_reliable_and_forgets_nobody():
    rig = await rig_of("adaptive", breaker_faults=0)
    seconds = {"a": 0.2, "b": 5.0, "c": 0.0}
    served = Counter([(await answered(rig, seconds)).credential.id for _ in range(400)])
    assert served["a"] > 300
    assert served["b"] >= 3
    assert served["c"] >= 3


async def test_adaptive_comes_back_to_a_unit_that_has_recovered():
    rig = await rig_of("adaptive", 2)
    for _ in range(50):
        await answered(rig, {"a": 0.2, "b": 8.0})
    rig.clock.time += 600
    served = Counter([(await answered(rig, {"a": 8.0, "b": 0.2})).credential.id for _ in range(100)])
    assert served["b"] > 50


async def test_broken_unit_is_spared_and_probed_by_one_call_at_a_time():
    rig = await rig_of("fill-first", breaker_faults=3, breaker_pause=10.0)
    for _ in range(3):
        await rig.meet(Broken())
    assert await rig.served(2) == ["b", "b"]
    rig.clock.time += 10
    probe = await rig.lease()
    assert probe.credential.id == "a"
    assert await rig.served(1) == ["b"]
    await probe.close(None)
    assert await rig.served(1) == ["a"]


async def test_breakers_alone_never_leave_the_pool_dark():
    rig = await rig_of("rotation", breaker_faults=1)
    for _ in range(3):
        await rig.meet(Broken())
    assert len(await rig.served(3)) == 3


async def test_one_bad_request_opens_no_more_than_one_breaker():
    rig = await rig_of("rotation", breaker_faults=1)
    async for lease in rig.pool.leases(exchange(), 3, 0.0):
        lease.fail(Broken("An internal error has occurred.", status=500))
    assert set(await rig.served(10)) == {"b", "c"}
