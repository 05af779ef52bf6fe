"""Google's ways of saying how long."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from adapters.upstreams import durations
from adapters.upstreams.durations import epoch_of, seconds_in_words, seconds_of, until_pacific_midnight


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("44s", 44),
        ("47941.209649640s", 47941.20964964),
        ("13h19m1.2s", 47941.2),
        ("161h39m41.3s", 581981.3),
        ("539.477544ms", 0.539477544),
        ("33740.9s", 33740.9),
        ("12µs", 12e-6),
        ("", None),
        ("44", None),
        ("-5s", None),
        ("soon", None),
    ],
)
def test_duration_in_any_of_googles_forms_is_seconds(text, seconds):
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("…\nPlease retry in 44.094575613s.", 44.094575613),
        ("Your quota will reset after 13h19m1s.", 47941),
        ("Individual quota reached. Resets in 9h22m20s.", 33740),
        ("Please retry in 539.5ms.", 0.5395),
        ("Please try again later.", None),
    ],
)
def test_delay_in_words_is_found(message, seconds):
    assert seconds_in_words(message) == (None if seconds is None else pytest.approx(seconds))


def test_time_stamp_is_epoch_and_anything_else_is_none():
    assert epoch_of("2026-11-21T06:39:01Z") == datetime(2026, 11, 21, 6, 39, 1, tzinfo=UTC).timestamp()
    assert epoch_of("tomorrow") is None
    assert epoch_of("") is None


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 11, 20, 7, 59, tzinfo=UTC), 1 / 60),  # 23:59 PST
        (datetime(2026, 11, 20, 8, 0, tzinfo=UTC), 24),
        (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), 24),  # midnight PDT
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), 25),  # the day the clocks go back
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), 23),  # the day they go forward
    ],
)
def test_pacific_midnight_knows_daylight_saving(moment, hours):
    assert until_pacific_midnight(moment.timestamp()) == pytest.approx(hours * 3600)


def test_missing_zone_database_falls_back_to_standard_time(monkeypatch):
    def missing(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(durations, "ZoneInfo", missing)
    durations._pacific.cache_clear()
    try:
        moment = datetime(2026, 11, 20, 7, 0, tzinfo=UTC).timestamp()
        assert until_pacific_midnight(moment) == pytest.approx(3600)
    finally:
        durations._pacific.cache_clear()
