"""Who serves next, who rests for what, and what outlives a restart."""

import time
from typing import cast

import pytest

from pipeline.errors import GIVE_UP, AllCooling, Broken, NoCredential, Refused, UpstreamError, Verdict
from pipeline.leases import UnitLease
from pipeline.ports import Credential
from tests.pipeline.pools import Rig, account, busy, exchange, forbidden, key, suspended


async def attempts(rig: Rig, *failures: UpstreamError, limit: int = 4, pause: float = 1.0) -> list[str]:
    """The credentials that one request meets when its attempts fail so, and then one succeeds."""
    met = []
    fails = iter(failures)
    async for lease in rig.pool.leases(exchange(), limit, pause):
        met.append(lease.credential.id)
        rig.clock.time += 0.1
        failure = next(fails, None)
        if failure is None:
            await lease.close(None)
            break
        lease.fail(failure)
        await lease.close(failure)
    return met


async def test_unit_serves_its_calls_then_the_next_one_does():
    rig = await Rig(key("a"), key("b"), key("c"), calls_per_rotation=2).started()
    assert await rig.served(7) == ["a", "a", "b", "b", "c", "c", "a"]


async def test_rotation_goes_on_where_the_process_before_stopped():
    rig = await Rig(key("a"), key("b"), key("c"), calls_per_rotation=2).started()
    await rig.served(3)
    await rig.again()
    assert await rig.served(3) == ["b", "b", "c"]


async def test_credential_with_several_projects_is_several_units():
    rig = await Rig(account("a", "one", "two")).started()
    leases = [await rig.lease() for _ in range(3)]
    assert [(lease.credential.id, lease.project) for lease in leases] == [("a", "one"), ("a", "two"), ("a", "one")]


async def test_unit_keeps_its_rest_when_its_project_is_found():
    rig = await Rig(account("a")).started()
    lease = await rig.lease()
    assert lease.project == "_auto"
    lease.fail(busy(seconds=100))
    lease.credential.projects = ["found"]
    await rig.pool.refreshed(lease.credential)
    with pytest.raises(AllCooling):
        await rig.lease()
    assert (await rig.lease("pro")).project == "found"


async def test_request_sees_another_unit_each_time_while_one_is_free():
    rig = await Rig(key("a"), key("b"), key("c")).started()
    broken = [Broken() for _ in range(3)]
    assert await attempts(rig, *broken) == ["a", "b", "c", "a"]


async def test_single_unit_is_tried_again_after_a_pause():
    rig = await Rig(key("a")).started()
    assert await attempts(rig, Broken(), Broken()) == ["a", "a", "a"]
    assert rig.clock.slept == [1.0, 1.0]


async def test_rotation_away_from_a_unit_at_fault_does_not_pause():
    rig = await Rig(key("a"), key("b"), key("c")).started()
    assert await attempts(rig, busy(), forbidden()) == ["a", "b", "c"]
    assert rig.clock.slept == []


async def test_attempts_end_at_their_limit():
    rig = await Rig(key("a"), key("b"), key("c")).started()
    assert await attempts(rig, Broken(), Broken(), Broken(), limit=2) == ["a", "b"]


async def test_exchange_knows_its_lease_and_attempts():
    rig = await Rig(key("a"), key("b")).started()
    x = exchange()
    async for lease in rig.pool.leases(x, 2, 0.0):
        assert x.lease is lease
        lease.fail(Broken())
    assert x.attempts == 2


async def test_bad_request_ends_the_attempts_and_changes_nothing():
    """Seed #59: one client's 400 tripped every key."""
    rig = await Rig(key("a"), key("b")).started()
    assert await attempts(rig, Refused("bad", verdict=GIVE_UP)) == ["a"]
    assert set(rig.states().values()) == {"ready"}
    assert await rig.state.load("cooldown") == {}
    assert await rig.state.load("disabled") == {}


async def test_unit_rests_for_the_model_that_refused_and_no_other():
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(busy(seconds=100))
    assert await rig.served(2) == ["b", "b"]
    assert "a" in await rig.served(2, "pro")


async def test_keys_of_one_project_rest_together():
    rig = await Rig(key("a", "p"), key("b", "p"), key("c", "q")).started()
    await rig.meet(busy("project_model", 100))
    assert await rig.served(2) == ["c", "c"]
    assert rig.states() == {"a#0": "cooling", "b#0": "cooling", "c#0": "ready"}


async def test_keys_of_unknown_projects_rest_alone():
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(busy("project_model", 100))
    assert await rig.served(1) == ["b"]


async def test_credential_scope_rests_all_its_projects_for_all_models():
    rig = await Rig(account("a", "one", "two"), account("b")).started()
    await rig.meet(busy("credential", 100))
    assert await rig.served(2, "pro") == ["b", "b"]


async def test_all_resting_says_when_the_first_is_back():
    """Seeds #27 and #28: a cold pool took 10 s to answer 500."""
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(busy(seconds=100))
    await rig.meet(busy(seconds=50))
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    assert 50 < cast("float", caught.value.retry_after) < 53
    assert rig.clock.slept == []
    rig.clock.time += 54
    assert await rig.served(1) == ["b"]


@pytest.mark.parametrize("seconds", [None, 0.5, 2.9, 59.9])
async def test_who_comes_back_when_the_refusal_said_is_served(seconds: float | None) -> None:
    """The unit rests a little longer than upstream has asked for, and so must the caller."""
    rig = await Rig(key("a")).started()
    refused = busy(seconds=seconds)
    await rig.meet(refused)
    rig.clock.time += cast("float", refused.retry_after)
    assert await rig.served(1) == ["a"]


async def test_refused_caller_is_told_of_the_unit_that_is_free():
    rig = await Rig(key("a"), key("b")).started()
    refused = busy(seconds=50)
    await rig.meet(refused)
    assert refused.retry_after == 1.0


async def test_refusal_that_leaves_no_unit_keeps_its_own_word():
    rig = await Rig(key("a")).started()
    refused = suspended()
    await rig.meet(refused)
    assert refused.retry_after == type(refused).back_in


async def test_request_may_wait_for_a_rest_to_end():
    rig = await Rig(key("a"), max_wait=60.0).started()
    await rig.meet(busy(seconds=50))
    assert await rig.served(1) == ["a"]
    assert 50 < sum(rig.clock.slept) < 53


async def test_no_credential_at_all_is_another_error_than_all_resting():
    rig = await Rig(key("a")).started()
    with pytest.raises(NoCredential):
        await (await Rig().started()).lease()
    with pytest.raises(NoCredential):
        await rig.lease(operation="no-such-operation")


async def test_last_unit_disabled_mid_request_leaves_its_own_error_to_tell():
    rig = await Rig(key("a")).started()
    assert await attempts(rig, forbidden()) == ["a"]


async def test_kind_serves_only_what_it_can():
    rig = await Rig(account("a"), key("b")).started()
    leases = [await rig.lease(operation="embed") for _ in range(2)]
    assert [lease.credential.id for lease in leases] == ["b", "b"]


async def test_api_keys_serve_before_accounts_and_accounts_when_keys_rest():
    rig = await Rig(account("a"), key("b")).started()
    assert await rig.served(2) == ["b", "b"]
    await rig.meet(busy(seconds=100))
    assert await rig.served(1) == ["a"]


async def test_rests_without_a_stated_end_double_and_a_success_starts_over():
    rig = await Rig(key("a")).started()
    rests = []
    for _ in range(6):
        await rig.meet(busy())
        rests.append(rig.pool.snapshot()[0].rests["flash"].until - rig.clock.now())
        rig.clock.time += rests[-1] + 0.01
    for rest, base in zip(rests, [30, 60, 120, 240, 480, 600], strict=True):
        assert base * 1.01 <= rest + 0.001
        assert rest <= base * 1.05
    await rig.served(1)
    await rig.meet(busy())
    assert rig.pool.snapshot()[0].rests["flash"].until - rig.clock.now() <= 31.5


async def test_calls_refused_together_count_as_one_strike():
    rig = await Rig(key("a")).started()
    leases = [await rig.lease() for _ in range(10)]
    rig.clock.time = 1.0
    for lease in leases:
        lease.fail(busy())
    assert rig.pool.snapshot()[0].rests["flash"].until - rig.clock.now() <= 31.5


async def test_shorter_refusal_does_not_shorten_a_rest():
    """LiteLLM #40130: a second refusal ended the first one's rest early."""
    rig = await Rig(key("a")).started()
    first, second = await rig.lease(), await rig.lease()
    first.fail(busy(seconds=5000))
    until = rig.pool.snapshot()[0].rests["flash"].until
    second.fail(busy(seconds=5))
    assert rig.pool.snapshot()[0].rests["flash"].until == until
    assert rig.states() == {"a#0": "exhausted"}


async def test_answer_that_began_before_a_refusal_does_not_end_the_rest():
    rig = await Rig(key("a")).started()
    long, short = await rig.lease(), await rig.lease()
    short.fail(busy(seconds=5000))
    await long.close(None)
    with pytest.raises(AllCooling):
        await rig.lease()


async def test_rest_is_clamped_to_eight_days():
    rig = await Rig(key("a")).started()
    await rig.meet(busy(seconds=1e9))
    assert rig.pool.snapshot()[0].rests["flash"].until - rig.clock.now() == 8 * 86400


async def test_model_without_capacity_is_waited_for_and_cools_no_credential():
    rig = await Rig(key("a"), key("b")).started()
    assert await attempts(rig, busy("model")) == ["a", "b"]
    assert set(rig.states().values()) == {"ready"}
    assert 2.0 <= sum(rig.clock.slept) <= 2.2
    assert await rig.served(1) == ["a"]


async def test_model_without_capacity_for_long_is_refused_as_such():
    rig = await Rig(key("a")).started()
    await rig.meet(busy("model", 25))
    with pytest.raises(AllCooling) as caught:
        await rig.lease()
    assert (caught.value.status, caught.value.error_type) == (503, "provider_capacity")
    assert await rig.served(1, "pro") == ["a"]


async def test_disabled_credential_stays_so_over_a_restart_and_its_file_does_not_know():
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(forbidden())
    await rig.again()
    assert await rig.served(2) == ["b", "b"]
    assert rig.states() == {"a#0": "quarantined", "b#0": "ready"}
    assert rig.pool.snapshot()[0].reason == "key leaked"
    assert not any(credential.disabled for credential in await rig.store.load())


async def test_project_without_the_service_leaves_the_account_its_others():
    rig = await Rig(account("a", "one", "two")).started()
    await rig.meet(forbidden(scope="unit"))
    assert {(await rig.lease()).project for _ in range(3)} == {"two"}
    assert rig.pool.states() == {("code_assist", "ready"): 1}


async def test_auto_ban_off_rests_an_hour_instead():
    rig = await Rig(key("a"), auto_ban=False).started()
    await rig.meet(forbidden())
    with pytest.raises(AllCooling):
        await rig.lease()
    rig.clock.time += 3600 * 1.05
    assert await rig.served(1) == ["a"]


async def test_suspended_account_is_out_for_good_whatever_auto_ban_says():
    rig = await Rig(account("a"), auto_ban=False).started()
    await rig.meet(suspended())
    with pytest.raises(NoCredential):
        await rig.lease()


async def test_auto_ban_code_met_again_after_its_rest_disables():
    rig = await Rig(account("a"), key("b")).started()
    bare = forbidden("cool", "unit", 3600)
    assert [await rig.meet(bare), rig.states()["b#0"]] == ["b", "exhausted"]
    rig.clock.time += 3800
    assert [await rig.meet(bare), rig.states()["b#0"]] == ["b", "quarantined"]


async def test_refused_token_rests_the_account_until_it_is_refreshed():
    rig = await Rig(account("a", "one", "two")).started()
    await rig.meet(Refused("401", verdict=Verdict("credential", "refresh")))
    assert rig.pool.states() == {("code_assist", "refreshing"): 1}
    await rig.pool.refreshed((await rig.store.load())[0])
    assert rig.pool.states() == {("code_assist", "ready"): 1}


async def test_operator_disables_and_enables_and_enabled_means_rested():
    """Seed #4: what the panel changed was not seen by the request path."""
    rig = await Rig(key("a")).started()
    await rig.meet(busy(seconds=5000))
    assert rig.pool.disable("a", "on holiday")
    assert rig.states() == {"a#0": "disabled"}
    with pytest.raises(NoCredential):
        await rig.lease()
    assert rig.pool.enable("a")
    assert await rig.served(1) == ["a"]
    assert not rig.pool.enable("nobody")
    assert not rig.pool.disable("nobody", "")


async def test_credential_disabled_in_its_file_can_be_enabled_for_good():
    sleeping = key("a")
    sleeping.disabled = "disabled in its file"
    rig = await Rig(sleeping).started()
    assert rig.states() == {"a#0": "disabled"}
    assert rig.pool.enable("a")
    await rig.again()
    assert await rig.served(1) == ["a"]


async def test_rests_outlive_the_process_and_the_absence_of_their_file():
    """Seed #5: the default backend never read a cooldown back."""
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(busy(seconds=5000))
    await rig.again()
    assert await rig.served(2) == ["b", "b"]
    await rig.store.remove("a")
    await rig.pool.reload()
    assert rig.states() == {"b#0": "ready"}
    await rig.store.add(key("a"))
    await rig.pool.reload()
    assert rig.states() == {"b#0": "ready", "a#0": "exhausted"}


async def test_new_secret_under_a_known_name_is_not_guilty_of_the_old_ones_faults():
    rig = await Rig(key("a"), key("b")).started()
    assert [await rig.meet(forbidden()), await rig.meet(busy(seconds=5000))] == ["a", "b"]
    for name in ("a", "b"):
        await rig.store.remove(name)
        await rig.store.add(Credential(id=name, kind="gemini_api", api_key=f"made-up-new-{name}"))
    await rig.pool.reload()
    assert rig.states() == {"a#0": "ready", "b#0": "ready"}
    await rig.again()
    assert rig.states() == {"a#0": "ready", "b#0": "ready"}


async def test_units_do_not_share_their_state_objects():
    """Seed #6: all new credentials shared one list of error codes."""
    rig = await Rig(key("a"), key("b")).started()
    await rig.meet(busy(seconds=100))
    assert [bool(unit.rests) for unit in rig.pool.snapshot()] == [True, False]


async def test_lease_closed_twice_counts_once():
    rig = await Rig(key("a")).started()
    lease = await rig.lease()
    assert rig.pool.snapshot()[0].active == 1
    await lease.close(None)
    await lease.close(None)
    assert rig.pool.snapshot()[0].active == 0


async def test_failed_lease_is_closed_when_the_next_is_asked_for():
    rig = await Rig(key("a"), key("b")).started()
    leases = []
    async for lease in rig.pool.leases(exchange(), 2, 0.0):
        leases.append(cast("UnitLease", lease))
        lease.fail(Broken())
    assert all(lease.closed for lease in leases)


async def test_snapshot_shows_no_secret():
    rig = await Rig(key("a"), account("b")).started()
    assert "made-up" not in repr(rig.pool.snapshot())


async def test_ten_thousand_credentials_load_fast_and_selection_does_not_notice_them():
    rig = Rig(*(key(f"k{n}", f"p{n}") for n in range(10_000)), calls_per_rotation=1)
    began = time.perf_counter()
    await rig.started()
    loaded = time.perf_counter() - began
    for _ in range(3_000):
        await rig.meet(busy(seconds=5000))
    x = exchange()
    began = time.perf_counter()
    for _ in range(2_000):
        assert rig.pool._grants.pick(x) is not None
    picked = (time.perf_counter() - began) / 2_000
    assert loaded < 2.0
    assert picked < 60e-6  # measured 4 us on an idle machine; the promise is 20


async def test_dark_pool_of_ten_thousand_refuses_fast():
    rig = await Rig(*(key(f"k{n}", "p") for n in range(10_000))).started()
    await rig.meet(busy("project_model", 5000))
    with pytest.raises(AllCooling):
        await rig.lease()
    began = time.perf_counter()
    for _ in range(100):
        with pytest.raises(AllCooling):
            await rig.lease()
    assert (time.perf_counter() - began) / 100 < 1e-3


async def test_credential_removed_mid_request_does_not_come_back():
    rig = await Rig(key("a"), account("b")).started()
    lease = await rig.lease()
    await rig.store.remove("a")
    await rig.pool.reload()
    lease.fail(forbidden())
    await rig.pool.refreshed(lease.credential)
    await lease.close(None)
    assert rig.states() == {"b#0": "ready"}
