"""The minutes and days that quotas and statistics are counted by."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

PACIFIC = "America/Los_Angeles"
"""Where Google's own day ends. Source: "RPD quotas reset at midnight Pacific time", Gemini API rate limits."""

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_FARTHEST = timedelta(hours=14)


class Window(Struct, frozen=True):
    """A stretch of time that something is counted for.

    Shape: windows of a kind sort by name as they do by time.
    Units: `start` and `end` in epoch seconds; `end` belongs to the next one.
    """

    name: str
    start: float
    end: float


class Windows:
    """Finds the minute and the day that a moment belongs to.

    Shape: `zone` is an IANA name, or an offset such as `UTC+7`.
    Errors: ValueError when there is no such zone.
    """

    def __init__(self, zone: str = PACIFIC) -> None:
        self._zone = zone_of(zone)
        self._minute = self._day = Window("", 0.0, 0.0)

    def minute(self, now: float) -> Window:
        """Return the minute; it is the same one in every zone."""
        if not self._minute.start <= now < self._minute.end:
            start = now // 60 * 60
            self._minute = Window(datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M"), start, start + 60)
        return self._minute

    def day(self, now: float) -> Window:
        """Return the day: from one local midnight to the next, be it 23, 24 or 25 hours."""
        if not self._day.start <= now < self._day.end:
            self._day = self.day_of(datetime.fromtimestamp(now, self._zone))
        return self._day

    def day_of(self, moment: datetime) -> Window:
        """Return the day of a date, whatever its hour."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=self._zone)
        # Adding a day to a local time moves the calendar, not the clock: right on the days that clocks are changed.
        following = midnight + timedelta(days=1)
        return Window(midnight.strftime("%Y-%m-%d"), midnight.timestamp(), following.timestamp())

    def days(self, now: float, number: int) -> list[Window]:
        """Return that many days up to today, the latest first."""
        today = datetime.fromtimestamp(now, self._zone)
        return [self.day_of(today - timedelta(days=back)) for back in range(number)]


def zone_of(name: str) -> tzinfo:
    """Return a zone by its IANA name, or by its offset. Errors: ValueError."""
    if name.upper() in {"UTC", "GMT"}:
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        away = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if away <= _FARTHEST:
            return timezone(away if offset[1] == "+" else -away)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = f"a name such as {PACIFIC!r}, or an offset such as 'UTC+7'"
        raise ValueError(f"no time zone {name!r}: write {known}") from None
