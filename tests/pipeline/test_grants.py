"""What one request may cost the pool, and how it waits for a unit."""

import asyncio
from typing import cast

import pytest

from adapters.clock import SystemClock
from pipeline.errors import AllCooling, Broken, Refused, UpstreamError, Verdict
from pipeline.leases import LeasePool, UnitLease
from tests.pipeline.pools import Rig, account, busy, exchange, key, pool_over


def bare(code: int, scope: str = "unit_model") -> UpstreamError:
    verdict = Verdict(scope, "cool", None, "bare", suspect=True)  # type: ignore[arg-type]
    return Refused("no reason given", verdict=verdict, status=502, detail={"code": code})


async def meets(rig: Rig, *failures: UpstreamError) -> list[str]:
    """The credentials that one request meets when its attempts fail so."""
    met, fails = [], iter(failures)
    async for lease in rig.pool.leases(exchange(), len(failures), 0.0):
        met.append(lease.credential.id)
        lease.fail(next(fails))
    return met


async def test_fault_that_follows_a_request_costs_only_the_first_unit():
    """Seed #59: one request of one client took every key out of the pool."""
    rig = await Rig(key("a"), key("b"), key("c")).started()
    assert await meets(rig, bare(403), bare(403), bare(403)) == ["a", "b", "c"]
    assert rig.states() == {"a#0": "cooling", "b#0": "ready", "c#0": "ready"}


async def test_another_fault_of_the_same_request_costs_the_unit_that_met_it():
    rig = await Rig(key("a"), key("b"), key("c")).started()
    await meets(rig, bare(403), bare(429), bare(403))
    assert rig.states() == {"a#0": "cooling", "b#0": "cooling", "c#0": "ready"}


async def test_quota_that_upstream_names_costs_every_unit_that_has_spent_it():
    rig = await Rig(key("a"), key("b")).started()
    await meets(rig, busy(seconds=100), busy(seconds=100))
    assert rig.states() == {"a#0": "cooling", "b#0": "cooling"}


async def test_same_fault_met_by_another_request_costs_the_next_unit():
    rig = await Rig(key("a"), key("b")).started()
    await meets(rig, bare(403))
    await meets(rig, bare(403))
    assert rig.states() == {"a#0": "cooling", "b#0": "cooling"}


async def test_credential_has_no_more_calls_under_way_than_it_may():
    rig = await Rig(account("a", "one", "two"), account("b"), concurrency=2).started()
    leases = [await rig.lease() for _ in range(4)]
    assert sorted(lease.credential.id for lease in leases) == ["a", "a", "b", "b"]
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    assert (caught.value.status, caught.value.error_type) == (429, "proxy_queue_full")
    assert caught.value.retry_after == 1.0
    await leases[0].close(None)
    assert (await rig.lease()).credential.id == leases[0].credential.id


async def test_keys_that_are_full_leave_the_accounts_to_serve():
    rig = await Rig(key("a"), account("b"), concurrency=1).started()
    assert [(await rig.lease()).credential.id for _ in range(2)] == ["a", "b"]


async def pool_in_real_time(**scheduling: float) -> LeasePool:
    rig = Rig(key("a"), concurrency=1, **scheduling)
    pool = pool_over(rig.store, rig.state, SystemClock(), rig.scheduling)
    await pool.start()
    return pool


async def taken(pool: LeasePool, model: str = "flash") -> UnitLease:
    async for lease in pool.leases(exchange(model), 1, 0.0):
        return cast("UnitLease", lease)
    raise AssertionError("no lease")


async def test_request_waits_for_a_call_to_end_in_the_order_of_asking():
    pool = await pool_in_real_time(max_wait=5.0)
    lease = await taken(pool)
    waiting = [asyncio.create_task(taken(pool)) for _ in range(3)]
    order: list[asyncio.Task[UnitLease]] = []
    for _ in range(3):
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting if task not in order)
        await lease.close(None)
        done, _ = await asyncio.wait(set(waiting) - set(order), return_when=asyncio.FIRST_COMPLETED, timeout=1)
        (task,) = done
        order.append(task)
        lease = task.result()
    assert order == waiting
    await pool.close()


async def test_request_that_waits_is_not_overtaken_by_those_who_come_later():
    pool = await pool_in_real_time(max_wait=5.0)
    lease = await taken(pool)
    waiting = [asyncio.create_task(taken(pool)) for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in waiting:
        await lease.close(None)
        late = asyncio.create_task(taken(pool))  # in the very moment in which there is room
        done, _ = await asyncio.wait((task, late), return_when=asyncio.FIRST_COMPLETED, timeout=1)
        assert done == {task}
        lease = task.result()
        late.cancel()
    await pool.close()


async def test_vacancy_that_does_not_suit_the_first_who_waits_serves_another():
    rig = Rig(key("a"), key("b"), concurrency=1, max_wait=5.0)
    pool = pool_over(rig.store, rig.state, SystemClock(), rig.scheduling)
    await pool.start()
    refused = await taken(pool, "pro")
    refused.fail(busy(seconds=5000))
    await refused.close(refused.failure)
    leases = {lease.credential.id: lease for lease in (await taken(pool), await taken(pool))}
    first, second = asyncio.create_task(taken(pool, "pro")), asyncio.create_task(taken(pool))
    await asyncio.sleep(0.01)
    await leases[refused.credential.id].close(None)
    assert (await asyncio.wait_for(second, 1)).credential is refused.credential
    assert not first.done()
    first.cancel()
    await pool.close()


async def test_request_that_leaves_while_it_waits_leaves_its_turn_to_the_next():
    pool = await pool_in_real_time(max_wait=5.0)
    lease = await taken(pool)
    first, second = (asyncio.create_task(taken(pool)) for _ in range(2))
    await asyncio.sleep(0.01)
    await lease.close(None)
    first.cancel()
    assert (await asyncio.wait_for(second, 1)).credential.id == "a"
    await pool.close()


async def test_request_waits_no_longer_than_it_may():
    pool = await pool_in_real_time(max_wait=0.05)
    await taken(pool)
    with pytest.raises(AllCooling):
        await asyncio.wait_for(taken(pool), 1)
    await pool.close()


async def test_kinds_serve_in_the_order_of_their_priorities():
    rig = await Rig(key("a"), account("b"), priorities={"code_assist": 0, "gemini_api": 5}).started()
    assert await rig.served(2) == ["b", "b"]
    rig.pool.disable("b", "")
    assert await rig.served(1) == ["a"]


async def test_cut_answers_open_the_breaker_too():
    rig = await Rig(key("a"), key("b"), breaker_faults=2, strategy="fill-first").started()
    for _ in range(2):
        await rig.meet(Broken("cut", error_type="provider_cut"))
    assert await rig.served(1) == ["b"]
