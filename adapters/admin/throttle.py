"""A throttle: how often somebody without a session may ask for something that costs us work."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.ports import Clock

_ROOM = 10_000
"""Names that are remembered; the one longest unheard of is forgotten first."""


class Throttle:
    """Lets each name act `often` times at once, and again as time goes by. Units: `within` in seconds."""

    def __init__(self, clock: Clock, often: int, within: float) -> None:
        self._clock = clock
        self._often = float(often)
        self._rate = often / within
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Return 0 and count one act, or for how many seconds the name has to wait."""
        now = self._clock.tick()
        left, at = self._left.pop(name, (self._often, now))
        left = min(self._often, left + (now - at) * self._rate)
        allowed = left >= 1
        self._left[name] = (left - 1 if allowed else left, now)
        if len(self._left) > _ROOM:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
