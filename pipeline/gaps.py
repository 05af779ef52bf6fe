"""The silences within one stream: how long its caller waited between pieces."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0, 30.0)
"""Where one class of silences ends and the next begins. Units: seconds."""


class Gaps:
    """How often a stream was silent for how long.

    Shape: `counts` by class, the last of which is beyond all bounds. Units: moments in seconds of the monotonic clock.
    PERF: one search in fifteen numbers per event; what counts them sees a stream once (benchmarks/streaming.py).
    """

    __slots__ = ("counts", "first", "last")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.first = self.last = 0.0

    def note(self, now: float) -> None:
        """A piece goes out."""
        if self.first:
            self.counts[bisect_left(BOUNDS, now - self.last)] += 1
        else:
            self.first = now
        self.last = now

    @property
    def total(self) -> float:
        """All silences together."""
        return self.last - self.first
