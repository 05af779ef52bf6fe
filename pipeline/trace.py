"""What happened to one request, stage by stage, with times; it costs nothing where nobody asks."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

from msgspec import Struct, field

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange, Leases, Pipe
    from pipeline.plan import Plan
    from pipeline.ports import Lease

RELAY = "relay"
"""The span in which the answer goes to the caller; for a stream that lasts as long as the answer does."""

READ = "read"
"""The span in which the request's body comes in."""


class Span(Struct):
    """The time in one stage.

    Shape: `events` are the upstream events it looked at, `event_ms` how long that took for all of them; None in `ms`
        while the stage is still at work.
    Units: milliseconds, `start_ms` since the request came.
    """

    stage: str
    start_ms: float
    ms: float | None = None
    events: int = 0
    event_ms: float = 0.0


class Attempt(Struct):
    """One call to upstream. Shape: `ms` to the first event of the answer; `error` is an error_type, empty for none."""

    credential: str
    kind: str
    project: str
    start_ms: float
    ms: float | None = None
    error: str = ""


class Trace(Struct, kw_only=True, weakref=True, eq=False):
    """One request on its way.

    Shape: `status` and `error_type` are there once it has `ended`.
    Units: `at` in epoch seconds.
    """

    id: str
    at: float
    worker: int
    method: str
    path: str
    protocol: str
    started: float
    route: str = ""
    model: str = ""
    stream: bool = False
    caller: str = ""
    ended: bool = False
    status: int = 0
    error_type: str = ""
    first_byte_ms: float | None = None
    total_ms: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def now(self) -> float:
        """Return the milliseconds since the request came."""
        return (time.monotonic() - self.started) * 1000

    @contextmanager
    def span(self, stage: str, x: Exchange) -> Iterator[None]:
        """Measure a stage, and from then on what it does for each event."""
        span, before = Span(stage, self.now()), len(x.pipes)
        self.spans.append(span)
        try:
            yield
        finally:
            span.ms = self.now() - span.start_ms
            x.pipes[before:] = [_timed(pipe, span) for pipe in x.pipes[before:]]
            if x.leases is not None and not isinstance(x.leases, _Watched):
                x.leases = _Watched(x.leases, self)
            self.look(x)

    def look(self, x: Exchange) -> None:
        """Take over what is known of the request by now."""
        self.route, self.model, self.stream = x.route, x.model, x.stream
        self.caller = x.caller.name if x.caller else ""
        self.first_byte_ms = (x.first_byte - self.started) * 1000 if x.first_byte else None
        self.total_ms = self.now()


class Traces:
    """The latest requests of this worker that were watched, and those under way.

    Shape: while `on`, every request is watched, else those that ask for it. `veil` takes secrets out of what callers
        have written.
    """

    def __init__(self, worker: int = 0, room: int = 200, veil: Callable[[str], str] = str) -> None:
        self.on = False
        self._always = False
        self._worker = worker
        self._veil = veil
        self._ended: deque[Trace] = deque(maxlen=room)
        self._running: WeakSet[Trace] = WeakSet()
        self._timer: asyncio.TimerHandle | None = None

    def always(self, on: bool) -> None:
        """Watch every request, or not."""
        self._always = on
        self._settle()

    def watch(self, seconds: float) -> None:
        """Watch every request for so long; 0 ends it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._rest)
        self._settle()

    def begin(self, x: Exchange) -> Trace:
        """Watch a request whose body has come."""
        request = x.request
        trace = Trace(
            id=x.id,
            at=time.time() - (time.monotonic() - x.started),
            worker=self._worker,
            method=request.method,
            path=self._veil(request.path),
            protocol=x.dialect.name,
            started=x.started,
        )
        trace.spans.append(Span(READ, 0.0, trace.now()))
        self._running.add(trace)
        return trace

    def end(self, x: Exchange, status: int, error_type: str) -> None:
        """Keep the trace of a request that has ended; of one that nobody vouches for only while all are watched."""
        trace = x.trace
        assert trace is not None
        self._running.discard(trace)
        trace.look(x)
        trace.model, trace.ended = self._veil(x.model), True
        trace.status, trace.error_type = status, error_type
        if x.caller is not None or self.on:
            self._ended.append(trace)
            if self._timer is not None or not self._always:
                self._kept()

    def latest(self, limit: int = 200) -> list[Trace]:
        """Return the latest traces, the newest first."""
        for trace in self._running:
            trace.model = self._veil(trace.model)
            trace.total_ms = trace.now()
        traces = [*self._ended, *self._running]
        return sorted(traces, key=lambda trace: trace.at, reverse=True)[:limit]

    def _kept(self) -> None:
        """Take note of a trace that was asked for."""

    def _rest(self) -> None:
        self._timer = None
        self._settle()

    def _settle(self) -> None:
        self.on = self._always or self._timer is not None


async def run_stages(plan: Plan, x: Exchange, trace: Trace) -> None:
    """Take an exchange through its stages, as the engine does, and measure each."""
    for name, stage in zip(plan.names, plan.ask, strict=False):
        with trace.span(name, x):
            await stage(x)
        if x.reply is not None:
            break
    for name, stage in zip(plan.names[len(plan.ask) :], plan.answer, strict=True):
        with trace.span(name, x):
            await stage(x)


class _Watched:
    """The leases of an exchange, each noted as an attempt."""

    def __init__(self, leases: Leases, trace: Trace) -> None:
        self._leases = leases
        self._trace = trace

    async def __call__(self, x: Exchange) -> AsyncGenerator[Lease, None]:
        async with aclosing(self._leases(x)) as leases:
            async for lease in leases:
                credential, start = lease.credential, self._trace.now()
                attempt = Attempt(credential.id, credential.kind, lease.project, start)
                self._trace.attempts.append(attempt)
                try:
                    yield lease
                finally:
                    attempt.ms = self._trace.now() - start
                    if lease.failure is not None:
                        attempt.error = lease.failure.error_type


def _timed(pipe: Pipe, span: Span) -> Pipe:
    def timed(chunk: Chunk) -> Chunk | None:
        began = time.perf_counter()
        try:
            return pipe(chunk)
        finally:
            span.events += 1
            span.event_ms += (time.perf_counter() - began) * 1000

    return timed
