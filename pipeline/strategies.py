"""The scheduling strategies beside rotation that need no look at the request."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from math import exp
from random import Random, getrandbits

from msgspec import Struct

from pipeline.exchange import Exchange
from pipeline.loads import Loads
from pipeline.ports import Clock
from pipeline.rotation import Strategy, first_from

ALPHA = 0.1
"""How much the latest call counts in an average."""

MEMORY = 60.0
"""Seconds after which an average that nothing was added to has faded to a third, so that it is tried again."""

DRAWS = 4
"""Two are enough for balance; a few more keep small pools from having to choose between two bad ones."""

FAULT_COSTS = 10.0
"""The seconds that a call which fails for certain is worth."""


class FillFirst(Strategy):
    """Serves from the first unit for as long as it can, and only then from the next."""

    def pick(self, free: int, x: Exchange) -> int:
        return first_from(free, 0)


class LeastUsed(Strategy):
    """Serves from a unit with the fewest calls under way; those that are alike take turns."""

    def __init__(self, loads: Loads) -> None:
        self._loads = loads
        self._next = 0

    def start(self, slot: int) -> None:
        self._next = slot + 1

    def pick(self, free: int, x: Exchange) -> int:
        slot = first_from(self._loads.least(free), self._next)
        self._next = slot + 1
        return slot


class Share(Struct):
    """Units of one weight. Shape: `credit` is what is owed to them, `next` whose turn it is among them."""

    weight: float
    units: int = 0
    credit: float = 0.0
    next: int = 0


class Weighted(Strategy):
    """Serves from each unit in proportion to its weight, evenly spread (smooth weighted round robin).

    Shape: `weights` are by glob of credential ids, the first that fits counts; 1 where none does. PERF: what is
        counted is not units but weights, of which there are few.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._shares: dict[float, Share] = {}

    def enlist(self, slot: int, credential: str, unit: str) -> None:
        weight = next((each for glob, each in self._weights.items() if fnmatchcase(credential, glob)), 1.0)
        self._shares.setdefault(weight, Share(weight)).units |= 1 << slot

    def pick(self, free: int, x: Exchange) -> int:
        owed = 0.0
        best: Share | None = None
        for share in self._shares.values():
            due = share.weight * (share.units & free).bit_count()
            share.credit = share.credit + due if due else 0.0
            owed += due
            if due and (best is None or share.credit > best.credit):
                best = share
        assert best is not None, "every unit was enlisted"
        best.credit -= owed
        slot = first_from(best.units & free, best.next)
        best.next = slot + 1
        return slot


class Record(Struct):
    """How a unit did lately. Units: `seconds` to the beginning of an answer; `at` by the clock's tick."""

    seconds: float = 0.0
    faults: float = 0.0
    at: float = 0.0


class Adaptive(Strategy):
    """Serves from the best of some units drawn at random: quick, seldom failing, with little under way.

    Source: the power of random choices (Mitzenmacher 2001) over moving averages, as in Finagle's Peak EWMA; averages
        fade with time, so that a unit that did badly is tried again.
    """

    def __init__(self, loads: Loads, clock: Clock, random: Random | None = None) -> None:
        self._loads = loads
        self._clock = clock
        self._random = random or Random(getrandbits(64))  # as for cooldowns: so that tests repeat themselves
        self._records: dict[int, Record] = {}

    def pick(self, free: int, x: Exchange) -> int:
        now = self._clock.tick()
        drawn = [self._drawn(free) for _ in range(DRAWS)]
        return min(drawn, key=lambda slot: self._cost(slot, now))

    def ended(self, slot: int, seconds: float, *, failed: bool) -> None:
        now = self._clock.tick()
        record = self._records.setdefault(slot, Record(seconds, 0.0, now))
        faded = exp((record.at - now) / MEMORY)
        record.faults = record.faults * faded * (1 - ALPHA) + ALPHA * failed
        if not failed:
            record.seconds = record.seconds * faded * (1 - ALPHA) + ALPHA * seconds
        record.at = now

    def _drawn(self, units: int) -> int:
        return first_from(units, self._random.randrange(units.bit_length()))

    def _cost(self, slot: int, now: float) -> float:
        record = self._records.get(slot)
        if record is None:
            return 0.0
        seconds = (record.seconds + FAULT_COSTS * record.faults) * exp((record.at - now) / MEMORY)
        return seconds * (1 + self._loads.of(slot))
