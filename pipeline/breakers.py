"""Circuit breakers: a unit whose calls keep breaking is spared until a single probe finds that it works again."""

from heapq import heappop, heappush

from msgspec import Struct

MOST = 300.0
"""Seconds a breaker stays open at most; each probe that fails doubles its time."""


class Breaker(Struct):
    """One unit's breaker.

    Shape: closed while `until` is 0; else open until then (by the clock's tick), and half open afterwards, where
        `probing` says that the one call allowed is under way.
    """

    faults: int = 0
    opened: int = 0
    until: float = 0.0
    probing: bool = False


class Breakers:
    """The breakers of all units; those that never broke have none.

    Shape: an open breaker is advice: where all that could serve are open, one of them serves all the same.
    Units: `pause` is the seconds of the first opening.
    """

    def __init__(self, faults: int, pause: float) -> None:
        self._faults = faults
        self._pause = pause
        self._breakers: dict[int, Breaker] = {}
        self._spared = 0
        self._ends: list[tuple[float, int]] = []

    def spared(self, now: float) -> int:
        """Return the set of units that are to be spared now: open ones, and those being probed."""
        while self._ends and self._ends[0][0] <= now:
            _, slot = heappop(self._ends)
            breaker = self._breakers.get(slot)
            if breaker is not None and breaker.until <= now and not breaker.probing:
                self._spared &= ~(1 << slot)
        return self._spared

    def begin(self, slot: int) -> bool:
        """Note a call; return whether it is the probe of a breaker that is not closed."""
        breaker = self._breakers.get(slot)
        if breaker is None or not breaker.until or breaker.probing:
            return False
        breaker.probing = True
        self._spared |= 1 << slot
        return True

    def broke(self, slot: int, now: float) -> None:
        """Count a call that broke; enough of them in a row, or one probe, open the breaker."""
        if not self._faults:
            return
        breaker = self._breakers.setdefault(slot, Breaker())
        breaker.faults += 1
        if breaker.until > now or (breaker.faults < self._faults and not breaker.until):
            return
        breaker.until = now + min(self._pause * 2.0**breaker.opened, MOST)
        breaker.opened = min(breaker.opened + 1, 30)
        self._spared |= 1 << slot
        heappush(self._ends, (breaker.until, slot))

    def answered(self, slot: int) -> None:
        """Close a unit's breaker: it works."""
        if self._breakers.pop(slot, None) is not None:
            self._spared &= ~(1 << slot)

    def probed(self, slot: int, now: float) -> None:
        """Take note that the probe has ended, whatever came of it."""
        breaker = self._breakers.get(slot)
        if breaker is not None:
            breaker.probing = False
            if breaker.until <= now:
                self._spared &= ~(1 << slot)
