"""How much memory there is, and whether so little is left that new requests had better come back later."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from adapters.metric_samples import resident
from pipeline.errors import ProxyError

_LOOK_EVERY = 0.25
_RETRY_AFTER = 2.0

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where version 2 and version 1 of control groups say how much a container may have."""


class MemoryGuard:
    """Refuses new requests while this process has more memory resident than its part.

    A process that has nothing to do is always let work: what Python does not give back must not shut it for ever.

    Units: `limit` in bytes; 0 refuses nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._due = 0.0
        self._over = False

    def admit(self, under_way: int) -> None:
        """Let a request in. Errors: ProxyError (503, proxy_queue_full) when there is no room for it."""
        # PERF: asking the system takes longer than everything else here, so it is asked four times a second.
        if self._limit and under_way and self._is_over():
            said = "The proxy has no memory left for another request just now."
            raise ProxyError(said, status=503, error_type="proxy_queue_full", retry_after=_RETRY_AFTER)

    def _is_over(self) -> bool:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _LOOK_EVERY
            self._over = (resident() or 0) > self._limit
        return self._over


def part_of_memory(max_bytes: int, share: float, workers: int) -> int:
    """Return what one worker may have: of `max_bytes`, else of that share of what the container or machine has."""
    return int(max_bytes or memory_here() * share) // workers


def memory_here(limits: Iterable[Path] = CGROUP_LIMITS) -> int:
    """Return the bytes that the container may have, or the machine has."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in limits:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():  # else "max"
            found.append(int(text))
    return min(found)
