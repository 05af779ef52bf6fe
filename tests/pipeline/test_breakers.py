"""When a unit is spared, and how it finds its way back."""

from pipeline.breakers import MOST, Breakers


def broken(breakers: Breakers, times: int, now: float = 0.0, slot: int = 3) -> None:
    for _ in range(times):
        breakers.broke(slot, now)


def test_breaker_opens_after_so_many_faults_in_a_row():
    breakers = Breakers(3, 10.0)
    broken(breakers, 2)
    assert breakers.spared(0.0) == 0
    broken(breakers, 1)
    assert breakers.spared(0.0) == 0b1000


def test_answer_between_faults_begins_the_count_again():
    breakers = Breakers(3, 10.0)
    broken(breakers, 2)
    breakers.answered(3)
    broken(breakers, 2)
    assert breakers.spared(0.0) == 0


def test_half_open_breaker_lets_one_probe_through_and_an_answer_closes_it():
    """Seed #59: a breaker that only a user's success could reset, and that no user could reach."""
    breakers = Breakers(1, 10.0)
    broken(breakers, 1)
    assert breakers.spared(9.9) == 0b1000
    assert breakers.spared(10.0) == 0
    assert breakers.begin(3)
    assert breakers.spared(10.0) == 0b1000
    assert not breakers.begin(3)
    breakers.answered(3)
    breakers.probed(3, 11.0)
    assert breakers.spared(11.0) == 0


def test_probe_that_breaks_opens_for_twice_as_long_up_to_a_limit():
    breakers, now, pauses = Breakers(1, 10.0), 0.0, []
    for _ in range(8):
        broken(breakers, 1, now)
        breakers.probed(3, now)
        began = now
        while breakers.spared(now):
            now += 5.0
        pauses.append(now - began)
        breakers.begin(3)
    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, MOST, MOST, MOST]


def test_probe_that_proves_nothing_leaves_the_way_open_for_the_next():
    breakers = Breakers(1, 10.0)
    broken(breakers, 1)
    breakers.spared(10.0)
    breakers.begin(3)
    breakers.probed(3, 12.0)
    assert breakers.spared(12.0) == 0
    assert breakers.begin(3)


def test_no_number_of_faults_opens_what_is_turned_off():
    breakers = Breakers(0, 10.0)
    broken(breakers, 100)
    assert breakers.spared(0.0) == 0
