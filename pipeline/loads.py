"""How many calls each unit has under way, kept as sets so that asking is cheap."""

from bisect import bisect_left


class Loads:
    """Calls under way, by unit and by credential.

    Shape: `full` is the set of units whose credential has as many calls under way as it may have (`limit`; 0 is any
        number); `total` is the number of calls. Units are enlisted in the order of their slots.
    """

    def __init__(self, limit: int = 0) -> None:
        self.full = 0
        self.total = 0
        self._limit = limit
        self._active: list[int] = []
        self._at_least = [-1]
        self._credentials: list[str] = []
        self._units_of: dict[str, int] = {}
        self._calls: dict[str, int] = {}

    def enlist(self, credential: str) -> None:
        """Learn of the next slot's unit, by its credential's id."""
        bit = 1 << len(self._active)
        self._active.append(0)
        self._credentials.append(credential)
        self._units_of[credential] = self._units_of.get(credential, 0) | bit
        if self._limit and self._calls.get(credential, 0) >= self._limit:
            self.full |= bit

    def of(self, slot: int) -> int:
        """Return how many calls a unit has under way."""
        return self._active[slot]

    def begin(self, slot: int) -> None:
        """Count a call that begins."""
        self.total += 1
        calls = self._active[slot] = self._active[slot] + 1
        if calls == len(self._at_least):
            self._at_least.append(0)
        self._at_least[calls] |= 1 << slot
        if self._limit:
            name = self._credentials[slot]
            self._calls[name] = self._calls.get(name, 0) + 1
            if self._calls[name] >= self._limit:
                self.full |= self._units_of[name]

    def end(self, slot: int) -> None:
        """Count no more a call that has ended."""
        self.total -= 1
        calls = self._active[slot]
        self._at_least[calls] &= ~(1 << slot)
        if not self._at_least[-1]:
            self._at_least.pop()
        self._active[slot] = calls - 1
        if self._limit:
            name = self._credentials[slot]
            self._calls[name] -= 1
            if self._calls[name] < self._limit:
                self.full &= ~self._units_of[name]

    def below(self, units: int, calls: int) -> int:
        """Return those of the units that have fewer calls under way than that."""
        return units & ~self._at_least[calls] if calls < len(self._at_least) else units

    def least(self, units: int) -> int:
        """Return those of the units that have the fewest calls under way."""
        levels = range(1, len(self._at_least) + 1)
        fewest = levels[bisect_left(levels, True, key=lambda calls: self.below(units, calls) != 0)]
        return self.below(units, fewest)
