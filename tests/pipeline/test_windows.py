"""Minutes and days: right across clock changes, in every zone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.windows import Windows, zone_of


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_day_begins_at_midnight_pacific_in_winter_and_summer():
    windows = Windows()
    assert windows.day(at("2026-01-15T07:59:59Z")).name == "2026-01-14"
    assert windows.day(at("2026-01-15T08:00:00Z")).name == "2026-01-15"
    assert windows.day(at("2026-07-15T06:59:59Z")).name == "2026-07-14"
    assert windows.day(at("2026-07-15T07:00:00Z")).name == "2026-07-15"


@pytest.mark.parametrize(("date", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)])
def test_day_of_clock_change_is_shorter_or_longer(date, hours):
    day = Windows().day(at(f"{date}T20:00:00Z"))
    assert day.name == date
    assert day.end - day.start == hours * 3600


def test_day_follows_fixed_offset():
    windows = Windows("UTC+7")
    assert windows.day(at("2026-01-15T16:59:59Z")).name == "2026-01-15"
    assert windows.day(at("2026-01-15T17:00:00Z")).name == "2026-01-16"
    assert Windows("UTC-03:30").day(at("2026-01-15T03:29:00Z")).name == "2026-01-14"


def test_clock_that_steps_back_finds_the_earlier_window_again():
    windows = Windows("UTC")
    late, early = windows.minute(at("2026-01-15T10:01:00Z")), windows.minute(at("2026-01-15T10:00:59Z"))
    assert (early.name, late.name) == ("2026-01-15T10:00", "2026-01-15T10:01")
    assert early.end == late.start


@pytest.mark.parametrize("name", ["Mars/Olympus", "UTC+15", "", "../etc/passwd", "UTC+7:99"])
def test_unknown_zone_is_refused(name):
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)


@given(
    st.floats(0, 4e9),
    st.sampled_from(["America/Los_Angeles", "UTC+7", "America/Santiago", "America/Havana", "Asia/Kathmandu"]),
)
def test_every_moment_is_in_one_day_that_meets_the_next(moment, zone):
    windows = Windows(zone)
    day = windows.day(moment)
    assert day.start <= moment < day.end
    following = windows.day(day.end)
    assert following.start == day.end
    assert following.name > day.name


def test_days_go_back_from_today():
    days = Windows("UTC").days(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp(), 3)
    assert [day.name for day in days] == ["2026-03-01", "2026-02-28", "2026-02-27"]
