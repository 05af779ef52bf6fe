"""Quotas of keys: never over, exact, and there when a worker or the store is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.errors import Limited, StoreError
from pipeline.exchange import Key
from pipeline.keys import account_of
from tests.pipeline.quota_rig import Fleet, ShakyState
from tests.pipeline.virtual_time import run

KEY = Key(id="k", total_quota=150)
TOTAL = account_of("k", "total")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.mark.parametrize("spread", [[0, 1], [0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 2, 3]])
def test_four_hundred_at_once_let_in_exactly_the_quota(folder, spread):
    async def main():
        fleet = Fleet(folder, 4)
        await fleet.start()
        answers = await asyncio.gather(
            *(fleet.ask(spread[number % len(spread)], KEY, seconds=0.1) for number in range(400))
        )
        assert sum(answers) == 150
        await fleet.close()
        account = await fleet.state.account(TOTAL)
        assert (account.spent, account.leased) == (150, {})
        assert list(folder.iterdir()) == []

    run(main())


def test_requests_far_from_limit_do_not_ask_the_store(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=1_000_000)
        await fleet.start()
        await fleet.ask(0, key)
        before = fleet.state.asked
        for _ in range(1000):
            await fleet.ask(0, key)
        assert fleet.state.asked - before < 250
        await fleet.close()

    run(main())


def test_queue_that_never_ends_is_served_as_long_as_something_is_left(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=100_000)
        await fleet.start()
        asking = []
        for _ in range(2000):
            asking += [asyncio.create_task(fleet.ask(0, key, cost=20)) for _ in range(2)]
            await asyncio.sleep(0.003)
        assert all(await asyncio.gather(*asking))
        await fleet.close()

    run(main())


def test_close_takes_nothing_more(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=100_000)
        await fleet.start()
        for _ in range(500):
            await fleet.ask(0, key)
            if fleet.workers[0]._holdings._allowances[TOTAL]._refilling:
                break
        await fleet.close()
        await asyncio.sleep(1)
        assert (await fleet.state.account(TOTAL)).leased == {}

    run(main())


def test_lease_of_idle_worker_comes_back_to_those_who_need_it(folder):
    async def main():
        fleet = Fleet(folder, 2)
        await fleet.start()
        assert await fleet.ask(1, KEY)  # takes a block and uses one of it
        assert sum(await asyncio.gather(*(fleet.ask(0, KEY) for _ in range(200)))) == 149
        await fleet.close()
        assert (await fleet.state.account(TOTAL)).spent == 150

    run(main())


def test_two_workers_with_half_of_what_is_needed_do_not_block_each_other(folder):
    async def main():
        fleet = Fleet(folder, 2)
        key = Key(id="k", total_quota=30)
        await fleet.start()
        answers = await asyncio.gather(*(fleet.ask(number % 2, key, cost=10) for number in range(8)))
        assert sum(answers) == 3
        await fleet.close()

    run(main())


def test_what_is_left_serves_cheaper_requests_after_a_dear_one_was_refused(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=25)
        await fleet.start()
        answers = await asyncio.gather(*(fleet.ask(0, key, cost=cost) for cost in (10, 10, 10, 5)))
        assert answers == [True, True, False, True]
        await fleet.close()

    run(main())


def test_failed_answer_is_refunded_and_lets_another_in(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=1)
        await fleet.start()
        assert await fleet.ask(0, key, charged=False)
        assert await fleet.ask(0, key)
        assert not await fleet.ask(0, key)
        await fleet.close()
        assert (await fleet.state.account(TOTAL)).spent == 1

    run(main())


def test_caller_that_leaves_while_waiting_costs_nothing(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", total_quota=3, daily_quota=3)
        await fleet.start()
        waiting = [asyncio.create_task(fleet.ask(0, key)) for _ in range(3)]
        await asyncio.sleep(0.001)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [await fleet.ask(0, key) for _ in range(4)] == [True, True, True, False]
        await fleet.close()

    run(main())


def test_total_refusal_has_no_retry_after_and_daily_says_when(folder):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        quotas = fleet.workers[0]
        for key, word, retry in [
            (Key(id="a", total_quota=1), "policy_budget", None),
            (Key(id="b", daily_quota=1), "policy_budget", 86400),
            (Key(id="c", rpm=1), "policy_rate_limit", 60),
            (Key(id="d", concurrency=1), "policy_rate_limit", 1),
        ]:
            await quotas.charge(key, 1, 0)
            with pytest.raises(Limited) as refused:
                await quotas.charge(key, 1, 0)
            assert refused.value.error_type == word
            if retry is None:
                assert refused.value.retry_after is None
            else:
                assert 0 < (refused.value.retry_after or 0) <= retry
        await fleet.close()

    run(main())


def test_minute_limit_is_new_with_the_minute_and_its_account_is_forgotten(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", rpm=2)
        await fleet.start()
        assert [await fleet.ask(0, key) for _ in range(3)] == [True, True, False]
        await asyncio.sleep(60)
        assert [await fleet.ask(0, key) for _ in range(3)] == [True, True, False]
        await asyncio.sleep(300)
        assert await fleet.ask(0, key)
        assert len(await fleet.state.accounts("key/")) == 1
        await fleet.close()

    run(main())


def test_concurrency_counts_requests_of_all_workers(folder):
    async def main():
        fleet = Fleet(folder, 2)
        key = Key(id="k", concurrency=4)
        await fleet.start()
        answers = await asyncio.gather(*(fleet.ask(number % 2, key, seconds=10) for number in range(10)))
        assert sum(answers) == 4
        await asyncio.sleep(2)
        assert sum(await asyncio.gather(*(fleet.ask(0, key, seconds=1) for _ in range(4)))) == 4
        await fleet.close()
        assert (await fleet.state.account(account_of("k", "concurrency"))).spent == 0

    run(main())


def test_tokens_are_settled_with_what_upstream_counted(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", tpm=1000)
        await fleet.start()
        assert await fleet.ask(0, key, tokens=10)
        charge = await fleet.workers[0].charge(key, 1, 10)
        charge.settle(charged=True, tokens=985)
        assert await fleet.ask(0, key, tokens=5)
        assert not await fleet.ask(0, key, tokens=5)
        await fleet.close()
        (account,) = (await fleet.state.accounts("key/k/tpm")).values()
        assert (account.spent, account.leased) == (1000, {})

    run(main())


def test_tokens_beyond_the_limit_are_settled_all_the_same(folder):
    async def main():
        fleet = Fleet(folder)
        key = Key(id="k", tpm=100)
        await fleet.start()
        charge = await fleet.workers[0].charge(key, 1, 50)
        charge.settle(charged=False, tokens=500)
        await fleet.close()
        (account,) = (await fleet.state.accounts("key/k/tpm")).values()
        assert (account.spent, account.leased) == (500, {})

    run(main())


def test_killed_worker_is_settled_exactly_by_another(folder):
    async def main():
        fleet = Fleet(folder, 2)
        await fleet.start()
        for _ in range(5):
            await fleet.ask(1, KEY)
        held = await fleet.workers[1].charge(KEY, 1, 0)
        begun = await fleet.workers[1].charge(KEY, 1, 0)
        begun.begin()
        del held
        await fleet.kill(1)
        await asyncio.sleep(3)
        account = await fleet.state.account(TOTAL)
        assert (account.spent, account.leased) == (6, {})
        assert len(list(folder.iterdir())) == 1
        assert sum(await asyncio.gather(*(fleet.ask(0, KEY) for _ in range(200)))) == 144
        await fleet.close()

    run(main())


def test_store_away_lets_in_what_was_left_and_settles_when_back(folder):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        await fleet.ask(0, KEY)
        fleet.state.away = True
        answers = [await fleet.ask(0, KEY) for _ in range(200)]
        assert sum(answers) == 149
        assert answers[:149] == [True] * 149
        await asyncio.sleep(3)
        fleet.state.away = False
        await asyncio.sleep(3)
        assert not await fleet.ask(0, KEY)
        await fleet.close()
        assert (await fleet.state.account(TOTAL)).spent == 150

    run(main())


def test_store_away_and_nothing_known_is_a_store_error(folder):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        fleet.state.away = True
        with pytest.raises(StoreError):
            await fleet.ask(0, KEY)
        assert await fleet.ask(0, Key(id="unlimited"))

    run(main())


@pytest.mark.parametrize("after", [0.25, 0.255, 0.26, 0.265, 0.27, 0.275, 0.28])
def test_close_while_a_settlement_is_on_its_way_settles_it_once(folder, after):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        for _ in range(7):
            await fleet.ask(0, KEY)
        await asyncio.sleep(after - fleet.clock.tick())
        await fleet.close()
        await asyncio.sleep(1)
        account = await fleet.state.account(TOTAL)
        assert (account.spent, account.leased) == (7, {})

    run(main())


def test_close_while_store_is_away_leaves_the_file_to_the_next_start(folder):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        for _ in range(7):
            await fleet.ask(0, KEY)
        fleet.state.away = True
        await fleet.close()
        assert len(list(folder.iterdir())) == 1
        fleet.state.away = False
        fleet.workers = [fleet.new()]
        await fleet.start()
        await asyncio.sleep(2)
        account = await fleet.state.account(TOTAL)
        assert (account.spent, account.leased) == (7, {})
        await fleet.close()

    run(main())


def test_changed_quota_holds_from_the_next_request(folder):
    async def main():
        fleet = Fleet(folder)
        await fleet.start()
        assert [await fleet.ask(0, Key(id="k", total_quota=1)) for _ in range(2)] == [True, False]
        await asyncio.sleep(1)
        assert [await fleet.ask(0, Key(id="k", total_quota=3)) for _ in range(3)] == [True, True, False]
        assert await fleet.ask(0, Key(id="k"))
        await fleet.close()

    run(main())


def test_slow_store_does_not_hold_up_requests(folder):
    async def main():
        fleet = Fleet(folder, state=ShakyState())
        await fleet.start()
        await fleet.ask(0, KEY)
        fleet.state._slowest = 60.0
        async with asyncio.timeout(3):
            assert all(await asyncio.gather(*(fleet.ask(0, KEY) for _ in range(100))))
        fleet.state._slowest = 0.01
        await asyncio.sleep(120)
        await fleet.close()
        assert (await fleet.state.account(TOTAL)).spent == 101

    run(main())
