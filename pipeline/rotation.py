"""Which of the free units serves next: the seam for scheduling strategies, and the first of them."""

from typing import ClassVar

from pipeline.exchange import Exchange


class Strategy:
    """Chooses among the units that are free.

    Shape: units are numbered by slot; a set of units is an int with one bit per slot. PERF: ten thousand units are
        1.3 kB, so that a set operation over all of them costs well under a microsecond. One that `resumes` starts
        where the process before it stopped.
    """

    resumes: ClassVar[bool] = False

    def pick(self, free: int, x: Exchange) -> int:
        """Return the slot of one of the free units; `free` is never empty."""
        raise NotImplementedError

    def start(self, slot: int) -> None:
        """Begin with this unit."""

    def enlist(self, slot: int, credential: str, unit: str) -> None:
        """Learn of a new unit, by its credential's id and its own."""

    def ready(self) -> None:
        """Prepare to choose among the units there are: some have just been enlisted."""

    def ended(self, slot: int, seconds: float, *, failed: bool) -> None:
        """Learn how a call went, and how long its answer took to begin. What a caller ended is not told of."""


class Rotation(Strategy):
    """Serves a number of calls from one unit, then moves on to the next free one."""

    resumes = True

    def __init__(self, calls: int = 10) -> None:
        self._limit = max(calls, 1)
        self._slot = 0
        self._calls = 0

    def start(self, slot: int) -> None:
        self._slot, self._calls = slot, 0

    def pick(self, free: int, x: Exchange) -> int:
        due = self._calls >= self._limit
        slot = first_from(free, self._slot + due)
        if due or slot != self._slot:
            self._slot, self._calls = slot, 0
        self._calls += 1
        return slot


def first_from(units: int, slot: int) -> int:
    """Return the first slot of the set at or after this one, beginning again from 0."""
    ahead = units >> slot
    if ahead:
        return slot + (ahead & -ahead).bit_length() - 1
    return (units & -units).bit_length() - 1


def slots(units: int) -> list[int]:
    """Return the slots of a set in order."""
    return [slot for slot, bit in enumerate(bin(units)[:1:-1]) if bit == "1"]
