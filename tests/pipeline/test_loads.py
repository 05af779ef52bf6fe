"""Calls under way, against the obvious way of counting them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.loads import Loads

CREDENTIALS = ["a", "a", "b", "c", "c", "c"]
UNITS = len(CREDENTIALS)


def bits(slots: set[int]) -> int:
    return sum(1 << slot for slot in slots)


@given(st.integers(0, 3), st.lists(st.tuples(st.booleans(), st.integers(0, UNITS - 1)), max_size=60))
def test_sets_agree_with_counting(limit, steps):
    loads = Loads(limit)
    for name in CREDENTIALS:
        loads.enlist(name)
    active: Counter[int] = Counter()
    for begins, slot in steps:
        if begins:
            loads.begin(slot)
            active[slot] += 1
        elif active[slot]:
            loads.end(slot)
            active[slot] -= 1
    calls = [active[slot] for slot in range(UNITS)]
    everyone = (1 << UNITS) - 1
    assert [loads.of(slot) for slot in range(UNITS)] == calls
    assert loads.total == sum(calls)
    assert loads.least(everyone) == bits({slot for slot in range(UNITS) if calls[slot] == min(calls)})
    for bound in range(1, 5):
        assert loads.below(everyone, bound) == bits({slot for slot in range(UNITS) if calls[slot] < bound})
    of: Counter[str] = Counter()
    for slot, name in enumerate(CREDENTIALS):
        of[name] += calls[slot]
    full = {slot for slot, name in enumerate(CREDENTIALS) if limit and of[name] >= limit}
    assert loads.full == bits(full)


def test_unit_that_joins_a_full_credential_is_full_too():
    loads = Loads(1)
    loads.enlist("a")
    loads.begin(0)
    loads.enlist("a")
    assert loads.full == 0b11
    loads.end(0)
    assert loads.full == 0
