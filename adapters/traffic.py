"""The traffic of the last hour, for charts: counted here, and added up over all workers and machines."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct, field

from adapters.outcome import error_type_of, status_of, stream_end_of
from adapters.redaction import redact

if TYPE_CHECKING:
    from pipeline.exchange import Exchange
    from pipeline.ports import Clock, StateStore

KIND = "traffic"
"""The kind that the counters of each stretch of time are kept as, under the second it began in."""

STEP = 30
HOUR = 3600
_PUBLISHED_EVERY = 5.0
_RECENT = 50

_FIRST_BIN, _GROWTH, _BINS = 0.01, 1.2, 72
"""Times to the first chunk are counted in bins, because those of several workers can be added: 10 ms to 80 min, each
bin 20% wider than the one before, which is how exact a percentile is."""

_TOKENS = {"input": "promptTokenCount", "output": "candidatesTokenCount", "thoughts": "thoughtsTokenCount"}


class Failure(Struct, frozen=True):
    """A request that failed. Units: `at` in epoch seconds."""

    at: float
    request_id: str
    path: str
    model: str
    status: int
    error_type: str
    message: str
    credential: str


class Standing(Struct):
    """How a credential fared lately in this worker: the statuses of failures since it last succeeded, and when."""

    error_codes: list[int] = field(default_factory=list)
    last_success: float = 0.0


class Stretch(Struct):
    """What happened in `STEP` seconds. Units: `at` epoch seconds; `ttft` in seconds, by percentile."""

    at: float
    requests: int = 0
    errors: int = 0
    ttft: dict[int, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    stream_ends: dict[str, int] = field(default_factory=dict)


class Traffic:
    """Counts every request that ends, and says what happened in the last hour. Units: `since` in epoch seconds."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self.failures: deque[Failure] = deque(maxlen=_RECENT)
        self.standings: dict[str, Standing] = {}
        self.since = clock.now()
        self._state = state
        self._clock = clock
        self._counted: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Publish what is counted from now on."""
        self._task = asyncio.get_running_loop().create_task(self._publish_on())

    async def close(self) -> None:
        """Publish what is left, and cease."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._publish()

    def done(self, x: Exchange, outcome: BaseException | None) -> None:
        """Count one exchange that has ended."""
        counted = self._counted
        counted["requests"] += 1
        error_type = error_type_of(outcome)
        if error_type and error_type != "caller_disconnect":
            counted["errors"] += 1
            self._fail(x, outcome, error_type)
        if x.stream:
            if x.first_byte:
                counted[f"ttft/{_bin(x.first_byte - x.started)}"] += 1
            if end := stream_end_of(x, outcome):
                counted[f"end/{end}"] += 1
        for kind, theirs in _TOKENS.items():
            if amount := x.usage.get(theirs):
                counted[f"tokens/{kind}"] += amount
        if x.lease is not None and outcome is None:
            standing = self.standings.get(x.lease.credential.id)
            if standing is None:
                standing = self.standings[x.lease.credential.id] = Standing()
            standing.last_success = self._clock.now()
            standing.error_codes = []

    async def hour(self) -> list[Stretch]:
        """Return the last hour, the oldest stretch first. Errors: StoreError."""
        self._publish()
        now = self._clock.now()
        first = int(now - HOUR) // STEP * STEP + STEP
        found = {int(key): counters for key, counters in (await self._state.counts(KIND)).items()}
        for at in found:
            if at < first - HOUR:
                self._state.discount(KIND, str(at))
        return [_stretch(at, found.get(at, {})) for at in range(first, int(now) + 1, STEP)]

    def _fail(self, x: Exchange, outcome: BaseException | None, error_type: str) -> None:
        credential, status = x.lease.credential.id if x.lease else "", status_of(x, outcome)
        message = redact(str(getattr(outcome, "message", "") or type(outcome).__name__))
        path, model = redact(x.request.path)[:200], redact(x.model)[:200]
        failure = Failure(self._clock.now(), x.id, path, model, status, error_type, message[:500], credential)
        self.failures.append(failure)
        if credential and error_type.startswith("provider_"):
            standing = self.standings.setdefault(credential, Standing())
            standing.error_codes = [*(code for code in standing.error_codes if code != status), status][-5:]

    def _publish(self) -> None:
        if self._counted:
            at = int(self._clock.now()) // STEP * STEP
            self._state.count(KIND, str(at), dict(self._counted))
            self._counted.clear()
            self._state.discount(KIND, str(at - HOUR - STEP))

    async def _publish_on(self) -> None:
        while True:
            await asyncio.sleep(_PUBLISHED_EVERY)
            self._publish()


def _bin(seconds: float) -> int:
    if seconds <= _FIRST_BIN:
        return 0
    return min(math.ceil(math.log(seconds / _FIRST_BIN, _GROWTH)), _BINS - 1)


def _stretch(at: int, counters: Mapping[str, int]) -> Stretch:
    stretch = Stretch(float(at), counters.get("requests", 0), counters.get("errors", 0))
    stretch.tokens = dict(_named("tokens", counters))
    stretch.stream_ends = dict(_named("end", counters))
    stretch.ttft = _percentiles({int(each): count for each, count in _named("ttft", counters)})
    return stretch


def _named(what: str, counters: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for name, amount in counters.items():
        kind, _, rest = name.partition("/")
        if kind == what and rest:
            yield rest, amount


def _percentiles(bins: Mapping[int, int]) -> dict[int, float]:
    ordered = sorted(bins)
    sums = list(accumulate(bins[each] for each in ordered))
    found = {}
    for percent in (50, 90, 99) if sums else ():
        wanted = sums[-1] * percent / 100
        reached = next(each for each, total in zip(ordered, sums, strict=True) if total >= wanted)
        found[percent] = round(_FIRST_BIN * _GROWTH**reached, 4)
    return found
