"""Which units rest, for which model, and until when."""

from heapq import heappop, heappush
from random import Random
from typing import Literal

from msgspec import Struct

from pipeline.rotation import slots

ALL_MODELS = ""
SHORTEST, LONGEST = 1.0, 8 * 86400.0
REMEMBERED = 256  # callers may ask for any number of models

_SPENT = "\0spent"

Why = Literal["cooling", "exhausted", "refreshing"]


class Ladder(Struct, frozen=True):
    """An exponential back-off, for refusals that do not say how long."""

    first: float
    most: float

    def step(self, strikes: int) -> float:
        """Return the rest after so many refusals in a row."""
        return min(self.first * 2.0 ** min(strikes - 1, 30), self.most)


QUOTA = Ladder(30.0, 600.0)
CAPACITY = Ladder(2.0, 30.0)


class Cooldown(Struct):
    """One rest.

    Shape: `strikes` counts refusals in a row; `since` is when the latest of them was counted.
    Units: `until` and `since` in seconds of the clock's tick.
    """

    until: float = 0.0
    since: float = float("-inf")
    strikes: int = 0
    why: Why = "cooling"
    reason: str = ""

    def extend(self, now: float, granted: float, seconds: float | None, ladder: Ladder, jitter: float) -> None:
        """Rest longer, never shorter, after a call that was granted then has been refused now."""
        if granted > self.since:  # else a call of the same wave, which was counted already
            self.strikes = 1 if now > self.until + ladder.most else self.strikes + 1
            self.since = now
        rest = ladder.step(self.strikes) if seconds is None else seconds
        self.until = max(self.until, now + min(max(rest * jitter, SHORTEST), LONGEST))


class Cooldowns:
    """The rests of all units, by slot and model, with the sets that make asking cheap."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rests: dict[int, dict[str, Cooldown]] = {}
        self._resting: dict[str, int] = {}
        self._ends: list[tuple[float, int, str]] = []
        self._earliest: dict[tuple[int, str], float] = {}

    def free(self, units: int, model: str, now: float) -> int:
        """Return those of the units that may serve this model now."""
        while self._ends and self._ends[0][0] <= now:
            _, slot, of = heappop(self._ends)
            rest = self._rests.get(slot, {}).get(of)
            if rest is not None and rest.until <= now:
                self._wake(slot, of)
                if of.endswith(_SPENT):
                    del self._rests[slot][of]
        resting = self._resting
        return units & ~(resting.get(ALL_MODELS, 0) | resting.get(model, 0) | resting.get(_spent(model), 0))

    def earliest(self, units: int, model: str) -> float:
        """Return when the first of these units, all of them resting, is free again."""
        key = units, model
        if key not in self._earliest:
            if len(self._earliest) >= REMEMBERED:
                self._earliest.clear()
            self._earliest[key] = min(self._free_at(slot, model) for slot in slots(units))
        return self._earliest[key]

    def cool(self, slot: int, model: str, now: float, granted: float, seconds: float | None) -> Cooldown:
        """Let a unit rest; without seconds, longer each time. Returns the rest, for its reason to be noted."""
        rest = self._rests.setdefault(slot, {}).setdefault(model, Cooldown())
        rest.extend(now, granted, seconds, QUOTA, self.jitter())
        self._sleep(slot, model, rest.until)
        return rest

    def restore(self, slot: int, model: str, rest: Cooldown) -> None:
        """Take over a rest that another process noted; the later end wins."""
        known = self._rests.setdefault(slot, {}).get(model)
        if known is None or rest.until > known.until:
            self._rests[slot][model] = rest
            self._sleep(slot, model, rest.until)

    def hold(self, slot: int, model: str, until: float, reason: str) -> None:
        """Let a unit rest until a spent quota resets; beside the rest that it may owe to a refusal."""
        rest = self._rests.setdefault(slot, {}).setdefault(
            _spent(model), Cooldown(until=float("-inf"), why="exhausted")
        )
        if abs(rest.until - until) > SHORTEST:
            rest.until, rest.reason = until, reason
            self._sleep(slot, _spent(model), until)

    def release(self, slot: int, model: str) -> None:
        """End such a rest: something was given back."""
        if _spent(model) in self._rests.get(slot, {}):
            self.lift(slot, _spent(model))

    def forgive(self, slot: int, model: str, now: float) -> list[str]:
        """Forget, after a success, the strikes of rests that are over. Returns the models they were for."""
        rests = self._rests.get(slot)
        if not rests:
            return []
        over = [of for of in (model, ALL_MODELS) if (rest := rests.get(of)) and rest.until <= now]
        for of in over:
            self.lift(slot, of)
        return over

    def lift(self, slot: int, model: str) -> None:
        """End a rest now, and forget it."""
        self._rests[slot].pop(model, None)
        self._wake(slot, model)

    def end(self, slot: int, model: str) -> float:
        """Return when a unit's rest ends or ended; 0 when there was none."""
        rest = self._rests.get(slot, {}).get(model)
        return 0.0 if rest is None else rest.until

    def owed(self, now: float) -> list[tuple[int, str]]:
        """Return slot and model of each rest that is owed to a refusal and is not over."""
        return [
            (slot, model)
            for slot, rests in self._rests.items()
            for model, rest in rests.items()
            if rest.until > now and not model.endswith(_SPENT)
        ]

    def of(self, slot: int, now: float) -> dict[str, Cooldown]:
        """Return a unit's rests that are not over, by model; of two for one model the longer."""
        found: dict[str, Cooldown] = {}
        for of, rest in self._rests.get(slot, {}).items():
            model = of.removesuffix(_SPENT)
            if rest.until > max(now, found[model].until if model in found else now):
                found[model] = rest
        return found

    def jitter(self) -> float:
        """Return a factor that keeps what was refused together from waking together."""
        return self._random.uniform(1.01, 1.05)

    def _free_at(self, slot: int, model: str) -> float:
        rests = self._rests[slot]
        return max(rest.until for of in (ALL_MODELS, model, _spent(model)) if (rest := rests.get(of)))

    def _sleep(self, slot: int, model: str, until: float) -> None:
        self._resting[model] = self._resting.get(model, 0) | 1 << slot
        heappush(self._ends, (until, slot, model))
        self._earliest.clear()

    def _wake(self, slot: int, model: str) -> None:
        self._earliest.clear()
        left = self._resting.get(model, 0) & ~(1 << slot)
        if left:
            self._resting[model] = left
        else:
            self._resting.pop(model, None)


def _spent(model: str) -> str:
    """What a rest goes by that comes from the ledger: it can be taken back, and must not end another."""
    return model + _SPENT
