"""Quotas of projects: what is counted, given back, learnt, shared and foretold."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.allowance import PATIENCE
from pipeline.books import Limit
from pipeline.errors import AllCooling, Broken, Busy, Quota, Verdict
from pipeline.leases import LeasePool, UnitLease
from tests.pipeline.pools import Rig, account, exchange, holdings_of, key

MINUTE = 60.0


KEYS = (key("a", "p"), key("b", "p"), key("c", "q"))


async def rig_of(*limits: Limit, credentials: Any = KEYS, **more: Any) -> Rig:
    rig = Rig(*credentials, limits=limits, **more)
    rig.clock.time = -(rig.clock.now() % MINUTE)  # a minute begins
    return await rig.started()


async def answered(rig: Rig, tokens: int, model: str = "flash") -> str:
    x = exchange(model)
    x.request.body = b"x" * 400
    async for lease in rig.pool.leases(x, 1, 0.0):
        x.usage = {"promptTokenCount": tokens}
        await lease.close(None)
        return lease.credential.id
    raise AssertionError("no lease")


def left(rig: Rig) -> dict[tuple[str, str], int]:
    return {(each.project, each.quota): each.remaining for each in rig.pool.forecast()}


async def test_project_that_has_spent_its_minute_rests_with_all_its_keys_until_the_next():
    rig = await rig_of(Limit(rpm=4))
    assert len(await rig.served(8)) == 8
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    assert caught.value.retry_after == pytest.approx(MINUTE - rig.clock.now() % MINUTE, abs=0.01)
    assert set(rig.states().values()) == {"exhausted"}
    assert rig.pool.snapshot()[0].reason == "rpm of 4 is spent"
    rig.clock.time += MINUTE
    assert len(await rig.served(8)) == 8


async def test_other_models_have_quotas_of_their_own():
    rig = await rig_of(Limit(rpm=1))
    await rig.served(2)
    assert len(await rig.served(2, "pro")) == 2


async def test_limit_holds_only_for_its_models_and_projects():
    rig = await rig_of(Limit(model="fl*", project="p", rpm=1))
    assert sorted(await rig.served(6))[:2] == ["a", "c"]
    assert len(await rig.served(5, "pro")) == 5


async def test_first_limit_that_fits_counts():
    rig = await rig_of(Limit(project="q", rpm=1), Limit(rpm=3))
    assert sorted(await rig.served(4)).count("c") == 1


async def test_credential_without_a_project_has_a_quota_of_its_own():
    rig = await rig_of(Limit(rpm=2), credentials=(key("a"), key("b")))
    assert sorted(await rig.served(4)) == ["a", "a", "b", "b"]
    with pytest.raises(AllCooling):
        await rig.lease()


async def test_failed_and_cancelled_requests_are_given_back():
    rig = await rig_of(Limit(rpm=1), credentials=(key("a", "p"),), breaker_faults=0)
    for _ in range(3):
        await rig.meet(Broken())
    lease = await rig.lease()
    with pytest.raises(AllCooling):
        await rig.lease()
    await lease.close(Broken("The caller has left."))
    assert await rig.served(1) == ["a"]
    with pytest.raises(AllCooling):
        await rig.lease()


async def test_answer_that_broke_off_after_it_began_is_spent():
    rig = await rig_of(Limit(rpm=1), credentials=(key("a", "p"),))
    x = exchange()
    async for lease in rig.pool.leases(x, 1, 0.0):
        x.first_byte = 1.0
        lease.fail(Broken())
    assert left(rig)["p", "rpm"] == 0


async def test_request_given_back_after_its_window_adds_nothing_to_the_next():
    rig = await rig_of(Limit(rpm=2), credentials=(key("a", "p"),))
    lease = await rig.lease()
    rig.clock.time += MINUTE
    await rig.served(1)
    await lease.close(Broken())
    assert left(rig)["p", "rpm"] == 1


async def test_tokens_are_reserved_by_size_and_settled_by_what_upstream_counted():
    rig = await rig_of(Limit(tpm=1000), credentials=(key("a", "p"),))
    await answered(rig, 700)
    assert left(rig)["p", "tpm"] == 300
    x = exchange()
    x.request.body = b"x" * 400
    async for lease in rig.pool.leases(x, 1, 0.0):
        assert left(rig)["p", "tpm"] == 200
        await lease.close(Broken())
        break
    await answered(rig, 350)
    with pytest.raises(AllCooling):
        await rig.lease()


async def test_day_ends_at_midnight_in_its_zone():
    """Seed #71: local time compared with UTC moved every window by the zone's offset."""
    rig = await rig_of(Limit(rpd=1), credentials=(key("a", "p"),), reset_zone="UTC+7")
    await rig.served(1)
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    since_midnight_there = (rig.clock.now() + 7 * 3600) % 86_400
    assert caught.value.retry_after == pytest.approx(86_400 - since_midnight_there, abs=0.01)


async def refused_for(rig: Rig, *quotas: Quota) -> str:
    verdict = Verdict("project_model", "cool", 5.0, "quota", quotas=quotas)
    return await rig.meet(Busy("quota", verdict=verdict))


async def test_clock_that_is_set_back_begins_the_day_it_shows():
    rig = await rig_of(Limit(rpd=2), credentials=(key("a"),))
    rig.clock.ahead = 30 * 86_400.0
    await rig.served(2)
    with pytest.raises(AllCooling):
        await rig.lease()
    await rig.pool._ledger.sync()
    rig.clock.ahead = 0.0
    await rig.pool._ledger.sync()
    assert left(rig) == {("a", "rpd"): 2}
    assert len(await rig.served(2)) == 2


async def test_limit_that_upstream_names_is_believed_and_outlives_the_process():
    rig = await rig_of(credentials=(key("a", "p"),))
    await refused_for(rig, Quota("rpm", 2), Quota("rpd", 10))
    rig.clock.time += MINUTE
    for again in (False, True):
        if again:
            await rig.again()
            rig.clock.time += MINUTE
        assert len(await rig.served(2)) == 2
        with pytest.raises(AllCooling):
            await rig.lease()
    rig.clock.time += 90_000
    await rig.again()
    assert len(await rig.served(3)) == 3


async def test_operators_limit_wins_over_one_that_was_learnt():
    rig = await rig_of(Limit(rpm=3), credentials=(key("a", "p"),))
    await refused_for(rig, Quota("rpm", 1))
    rig.clock.time += MINUTE
    assert len(await rig.served(3)) == 3


async def test_limit_learnt_while_counting_keeps_what_was_counted():
    rig = await rig_of(Limit(rpd=10), credentials=(key("a", "p"),))
    await rig.served(3)
    await refused_for(rig, Quota("rpm", 5))
    assert left(rig) == {("p", "rpd"): 7, ("p", "rpm"): 5}


async def test_count_of_the_day_outlives_the_process():
    rig = await rig_of(Limit(rpd=5), credentials=(key("a", "p"),))
    await rig.served(3)
    await rig.again()
    assert len(await rig.served(2)) == 2
    with pytest.raises(AllCooling):
        await rig.lease()


async def two_workers(limit: Limit) -> tuple[Rig, LeasePool, LeasePool]:
    rig = await rig_of(limit, credentials=(key("a", "p"),))
    mine, other = rig.pool, rig._new()
    await other.start()
    return rig, mine, other


async def test_workers_together_grant_what_there_is_and_forecast_it_alike():
    rig, mine, other = await two_workers(Limit(rpm=5))
    await rig.served(3)
    rig.pool = other
    await rig.served(1)
    for pool in (mine, other):
        await holdings_of(pool).sync()
    for pool in (mine, other):
        await pool._ledger.sync()
        rig.pool = pool
        assert left(rig)["p", "rpm"] == 1
    await rig.served(1)
    rig.pool = mine
    with pytest.raises(AllCooling):
        await rig.lease()
    await other.close()


async def test_what_others_have_under_way_is_waited_for_no_longer_than_it_may_take_them_to_give_it_back():
    rig, mine, other = await two_workers(Limit(rpd=1))
    lease = await rig.lease()
    rig.pool, began = other, rig.clock.now()
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    assert 1.0 <= rig.clock.now() - began <= PATIENCE
    assert (caught.value.retry_after or 0) < 1.0
    assert rig.pool.snapshot()[0].reason == "what is left of rpd is on lease by other workers"
    await lease.close(Broken())
    await holdings_of(mine).sync()
    rig.clock.time += 1
    assert await rig.served(1) == ["a"]
    await other.close()


async def test_unit_whose_quota_others_have_on_lease_leaves_the_request_to_the_next():
    rig = await rig_of(Limit(rpd=1), credentials=(key("a", "p"), key("b", "q")), strategy="fill-first")
    other = rig._new()
    await other.start()
    lease = await rig.lease()
    assert lease.credential.id == "a"
    rig.pool, began = other, rig.clock.now()
    assert await rig.served(1) == ["b"]
    assert rig.clock.now() - began == 0.5  # the call itself
    await other.close()


async def test_estimate_larger_than_what_is_left_goes_elsewhere_and_smaller_requests_still_come():
    rig = await rig_of(Limit(project="p", tpm=100), credentials=(key("a", "p"), key("b")), strategy="fill-first")
    assert await answered(rig, 60) == "a"
    assert await answered(rig, 100) == "b"
    assert await rig.served(1) == ["a"]
    rig.pool.disable("b", "")
    with pytest.raises(AllCooling, match="too little for this request") as caught:
        await answered(rig, 100)
    assert caught.value.retry_after == pytest.approx(MINUTE - rig.clock.now() % MINUTE, abs=0.01)
    assert rig.states()["a#0"] == "ready"


async def test_accounts_of_windows_long_over_are_forgotten():
    rig = await rig_of(Limit(rpm=5), credentials=(key("a", "p"),))
    for minutes in (0, 10):
        rig.clock.time += minutes * MINUTE
        await rig.served(1)
        await rig.pool._ledger.sync()
        await holdings_of(rig.pool).sync()
    assert len(await rig.state.accounts("ledger/")) == 2
    assert len(list(holdings_of(rig.pool)._spending.accounts())) == 1
    await holdings_of(rig.pool).prune()
    assert len(await rig.state.accounts("ledger/")) == 1


async def test_account_has_a_short_name_however_long_that_of_its_model_is():
    rig = await rig_of(Limit(rpm=5), credentials=(key("a", "p"),))
    for model in ("made-up/" * 100 + "one", "made-up/" * 100 + "two"):
        assert await rig.served(1, model) == ["a"]
    assert len(await rig.state.accounts("ledger/")) == 2


async def test_forecast_says_when_it_will_be_dry_and_nothing_when_it_lasts():
    rig = await rig_of(Limit(rpd=400), credentials=(key("a", "p"),))
    for _ in range(300):
        rig.clock.time += 1
        await rig.served(1)
        rig.clock.time += 0.5
        await rig.pool._ledger.sync()
    (forecast,) = rig.pool.forecast()
    assert forecast.remaining == 100
    assert forecast.dry_at is not None
    # One every two seconds: a hundred last 200 s; the average over five minutes lags behind a little.
    assert forecast.dry_at - rig.clock.now() == pytest.approx(200, rel=0.2)
    rig.clock.time += 3600
    assert rig.pool.forecast()[0].dry_at is None
    assert forecast.resets_at - rig.clock.now() <= 86_400


async def test_project_that_is_found_late_opens_its_own_book():
    rig = await rig_of(Limit(rpm=1), credentials=(account("a"),))
    await rig.served(1)
    credential = (await rig.store.load())[0]
    credential.projects = ["found"]
    await rig.pool.refreshed(credential)
    await rig.lease("pro")
    assert ("found", "rpm") in left(rig)


def test_limit_that_limits_nothing_is_refused():
    with pytest.raises(ValueError, match="limits nothing"):
        msgspec.convert({"model": "x"}, Limit)


async def test_models_without_number_do_not_fill_the_memory():
    rig = await rig_of(Limit(rpm=2), credentials=(key("a", "p"),))
    for number in range(4500):
        lease: UnitLease = await rig.lease(f"made-up-{number}")
        await lease.close(Broken())
    assert len(rig.pool._ledger._books) <= 4096


@given(st.lists(st.sampled_from(["ask", "answer", "cancel", "tick", "long"]), max_size=60))
async def test_requests_granted_never_exceed_the_limit_of_a_window(steps):
    rig = await rig_of(Limit(rpm=3), credentials=(key("a", "p"), key("b", "p")))
    under_way: list[UnitLease] = []
    spent: dict[float, int] = {}
    granted_in: dict[UnitLease, float] = {}
    for step in steps:
        window = rig.clock.now() // MINUTE
        if step == "ask":
            try:
                lease = await rig.lease()
            except AllCooling:
                assert spent.get(window, 0) == 3
                continue
            under_way.append(lease)
            granted_in[lease] = window
            spent[window] = spent.get(window, 0) + 1
            assert spent[window] <= 3
        elif step in {"answer", "cancel"} and under_way:
            lease = under_way.pop(0)
            await lease.close(None if step == "answer" else Broken())
            spent[granted_in[lease]] -= step == "cancel"
        elif step in {"tick", "long"}:
            rig.clock.time += 7.0 if step == "tick" else 61.0
    await rig.pool.close()
