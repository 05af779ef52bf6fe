"""Google's ways of saying how long: Go and proto durations, time stamps, and midnight in California."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PIECE = r"\d+(?:\.\d+)?(?:ms|us|µs|μs|ns|h|m|s)"
_DURATION = re.compile(rf"(?:{_PIECE})+")
_NUMBER_AND_UNIT = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|μs|ns|h|m|s)")
_IN_WORDS = re.compile(rf"(?:retry in|reset after|resets in|after)\s+((?:{_PIECE})+)", re.IGNORECASE)
_PACIFIC = "America/Los_Angeles"


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration such as `13h19m1.2s` or `539.4ms`; None when it is none."""
    text = text.strip()
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _NUMBER_AND_UNIT.findall(text))


def seconds_in_words(message: str) -> float | None:
    """Return the delay that an error message states in words ("Please retry in 44.1s."), if it does."""
    found = _IN_WORDS.search(message)
    return seconds_of(found[1]) if found else None


def epoch_of(timestamp: str) -> float | None:
    """Return the epoch seconds of an RFC 3339 time stamp; None when it is none."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def until_pacific_midnight(now: float) -> float:
    """Return the seconds until the next 00:00 in California, when Google's daily quotas reset.

    Source: https://ai.google.dev/gemini-api/docs/rate-limits. A day of daylight saving has 23 or 25 hours.
    """
    zone = _pacific()
    tomorrow = datetime.fromtimestamp(now, zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).timestamp() - now


@cache
def _pacific() -> ZoneInfo | timezone:
    try:
        return ZoneInfo(_PACIFIC)
    except ZoneInfoNotFoundError:
        # No time zone database here (a bare container): standard time, at most an hour late in summer.
        return timezone(timedelta(hours=-8))
