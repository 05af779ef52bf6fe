"""Figures that nobody counts but somebody has to look at now and then: what is under way, what is in the pools."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from adapters.metrics import Count, PrometheusMeter
from pipeline.queueing import NOTE

if TYPE_CHECKING:
    from pipeline.books import Forecast
    from pipeline.exchange import Exchange

_INTERVAL = 0.5
_EVERY = 4
"""The loop's lag is looked at twice a second, everything else every two seconds."""

_QUOTAS = 200
"""Projects and models are without number, and every label is kept for ever."""

_STATM = Path("/proc/self/statm")
_PAGE = os.sysconf("SC_PAGE_SIZE")

Levels = Mapping[tuple[str, str], int]
Labels = tuple[str, ...]


class Behind(Protocol):
    """A store that writes later than it is told to.

    Shape: `depth` is how many keys wait; `dropped` is how many writes it has refused.
    """

    @property
    def name(self) -> str: ...

    @property
    def depth(self) -> int: ...

    @property
    def dropped(self) -> int: ...


class Looks(msgspec.Struct, frozen=True):
    """Where a sampler looks.

    Shape: `exchanges` are those under way; `credentials` and `connections` count by (upstream, state); `quotas` are
        those in use; `store` is none where nothing is written behind.
    """

    exchanges: Callable[[], Iterable[Exchange]] = tuple
    credentials: Callable[[], Levels] = dict
    connections: Callable[[], Levels] = dict
    quotas: Callable[[], list[Forecast]] = list
    store: Behind | None = None


class Sampler:
    """Looks every two seconds, and once more for a scrape, so that counting costs a request nothing."""

    def __init__(self, meter: PrometheusMeter, looks: Looks, *, worker: int = 0) -> None:
        self._meter = meter
        self._looks = looks
        self._seen: dict[str, set[Labels]] = defaultdict(set)
        self._lag = meter.child("pollux_event_loop_lag_seconds")
        self._rss: Count = meter.child("pollux_worker_rss_bytes", str(worker))
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0
        self._dropped = 0
        meter.child("pollux_workers")(1)

    def start(self) -> None:
        """Look from now on, on the running loop."""
        self.sample()
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    async def scrape(self, accept: str = "") -> tuple[str, bytes]:
        """Look once more, and return the meter's exposition."""
        self.sample()
        return await self._meter.scrape(accept)

    def sample(self) -> None:
        """Set every gauge to what is now."""
        requests: Counter[Labels] = Counter()
        streams: Counter[Labels] = Counter()
        queued: Counter[Labels] = Counter()
        for x in self._looks.exchanges():
            requests[x.route,] += 1
            streams[x.route,] += x.stream
            wait = x.notes.get(NOTE)
            queued[x.route,] += wait is not None and wait.outcome == "waiting"
        self._set("pollux_requests_in_flight", requests)
        self._set("pollux_streams_open", streams)
        self._set("pollux_queue_depth", queued)
        self._sample_quotas()
        if self._looks.store is not None:
            self._sample_store(self._looks.store)
        self._set("pollux_credentials", self._looks.credentials())
        self._set("pollux_upstream_connections", self._looks.connections())
        if (rss := resident()) is not None:
            self._rss(rss)

    def _sample_quotas(self) -> None:
        ratio, reset = self._seen["pollux_quota_remaining_ratio"], "pollux_quota_reset_timestamp_seconds"
        for each in self._looks.quotas():
            labels = (each.project, each.model, each.quota)
            if labels in ratio or len(ratio) < _QUOTAS:
                ratio.add(labels)
                self._meter.child("pollux_quota_remaining_ratio", *labels)(each.remaining / each.limit)
                self._meter.child(reset, *labels)(each.resets_at)

    def _sample_store(self, store: Behind) -> None:
        self._meter.child("pollux_write_behind_depth", store.name)(store.depth)
        new, self._dropped = store.dropped - self._dropped, store.dropped
        self._meter.child("pollux_write_behind_dropped_total", store.name)(new)

    def _set(self, name: str, levels: Mapping[Any, int]) -> None:
        seen = self._seen[name]
        seen.update(levels)
        for labels in seen:
            # What was seen before and is no more is zero, not its last value.
            self._meter.child(name, *labels)(levels.get(labels, 0))

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _INTERVAL
        self._timer = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lag(max(0.0, loop.time() - due))
        self._ticks += 1
        if self._ticks % _EVERY == 0:
            self.sample()
        self._arm(loop)


def resident() -> int | None:
    """Return the bytes of memory this process has resident; None where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return None
