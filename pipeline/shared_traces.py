"""The traces of all workers and machines: who watches, watches everywhere, and sees what any of them saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec
import structlog

from pipeline.errors import StoreError
from pipeline.trace import Trace, Traces

if TYPE_CHECKING:
    from pipeline.ports import Clock, StateStore

log = structlog.get_logger("pollux.traces")

KIND = "trace"
"""The kind of documents: `watch` says until when all watch, every other one has the latest traces of a worker."""

_WATCH = "watch"
_SHARED = 20
"""Traces that a worker shows to others."""

_REMEMBERED = 3600.0
"""Seconds that those of a worker which was killed are shown."""

_GATHER = 0.5
"""Seconds between two looks at what others have, and two words to them: watching costs no store a write per request."""


class SharedTraces(Traces):
    """The latest traces of this worker and, once it has started, of the others."""

    def __init__(self, state: StateStore, clock: Clock, worker: int = 0, veil: Callable[[str], str] = str) -> None:
        super().__init__(worker, veil=veil)
        self._state = state
        self._clock = clock
        self._holder = token_hex(8)
        self._others: list[Trace] = []
        self._until = 0.0
        self._told = False
        self._stale = False
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Exchange traces with others from now on."""
        self._state.watch(KIND, self._look)
        self._look()  # somebody may be watching already
        self._task = asyncio.get_running_loop().create_task(self._exchange())

    async def close(self) -> None:
        """Take back what was shown to others."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._state.put(KIND, self._holder, None)

    def watch(self, seconds: float) -> None:
        """Watch every request of every worker for so long; 0 ends it."""
        super().watch(seconds)
        if self._task is not None:
            self._until = self._clock.now() + seconds
            self._state.put(KIND, _WATCH, {"until": self._until})

    def latest(self, limit: int = 200) -> list[Trace]:
        """Return the latest traces, the newest first."""
        traces = [*super().latest(limit), *self._others]
        return sorted(traces, key=lambda trace: trace.at, reverse=True)[:limit]

    def _kept(self) -> None:
        self._told = True
        self._wanted.set()

    def _look(self) -> None:
        self._stale = True
        self._wanted.set()

    async def _exchange(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._told:
                self._told = False
                shown = [trace for trace in super().latest() if trace.ended][:_SHARED]
                self._state.put(KIND, self._holder, {"traces": msgspec.to_builtins(shown)})
            if self._stale:
                self._stale = False
                try:
                    await self._hear()
                except StoreError as exc:
                    log.warning("traces of others are not heard", error=exc.message)
            await self._clock.sleep(_GATHER)

    async def _hear(self) -> None:
        documents = await self._state.load(KIND)
        until = documents.pop(_WATCH, {}).get("until", 0.0)
        if until != self._until:
            self._until = until
            super().watch(max(0.0, until - self._clock.now()))
        documents.pop(self._holder, None)
        shown = {holder: msgspec.convert(each["traces"], list[Trace]) for holder, each in documents.items()}
        oldest = self._clock.now() - _REMEMBERED
        for holder, traces in shown.items():
            if all(trace.at < oldest for trace in traces):  # of a worker that was killed
                self._state.put(KIND, holder, None)
        self._others = [trace for traces in shown.values() for trace in traces if trace.at >= oldest]
