"""Lockouts grow, end, and are forgotten."""

from __future__ import annotations

from adapters.admin.lockouts import ALLOWED, KIND, Lockouts
from adapters.admin.throttle import Throttle
from stores.memory import MemoryState
from tests.adapters.upstreams.rig import StillClock


async def test_each_wrong_password_beyond_the_twentieth_doubles_the_wait():
    clock, told = StillClock(), []
    lockouts = Lockouts(MemoryState(), clock, lambda: told.append(1))
    for _ in range(ALLOWED - 1):
        await lockouts.wrong("203.0.113.7")
    assert await lockouts.wait("203.0.113.7") == 0
    waits = []
    for _ in range(3):
        await lockouts.wrong("203.0.113.7")
        waits.append(await lockouts.wait("203.0.113.7"))
        clock.passed += waits[-1]
        assert await lockouts.wait("203.0.113.7") == 0
    assert waits == [60, 120, 240]
    assert len(told) == 3


async def test_addresses_of_one_customer_are_one_and_others_are_free():
    lockouts = Lockouts(MemoryState(), StillClock(), lambda: None)
    for number in range(ALLOWED):
        await lockouts.wrong(f"2001:db8::{number:x}")
    assert await lockouts.wait("2001:db8::ffff") == 60
    assert await lockouts.wait("2001:db8:0:1::1") == 0


async def test_right_password_and_a_day_without_wrong_ones_are_forgiven():
    state, clock = MemoryState(), StillClock()
    lockouts = Lockouts(state, clock, lambda: None)
    await lockouts.wrong("203.0.113.7")
    await lockouts.right("203.0.113.7")
    assert await state.counts(KIND) == {}
    await lockouts.wrong("203.0.113.8")
    clock.passed += 2 * 86_400
    await lockouts.wrong("203.0.113.9")
    assert set(await state.load(KIND)) == {"203.0.113.9"}


def test_throttle_lets_through_again_as_time_goes_by():
    clock = StillClock()
    throttle = Throttle(clock, 2, 10.0)
    assert [throttle.wait("a") > 0 for _ in range(3)] == [False, False, True]
    assert throttle.wait("b") == 0
    clock.passed = 5.0
    assert throttle.wait("a") == 0
