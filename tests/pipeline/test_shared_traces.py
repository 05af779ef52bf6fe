"""Traces are of all workers: watching begins everywhere, and what one saw all can show."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.routing import all_dialects
from pipeline.exchange import Caller, Exchange, Request
from pipeline.shared_traces import SharedTraces
from pollux import storage
from pollux.settings import Storage

OPENAI = all_dialects().choose(Request("POST", "/v1/chat/completions", []))


class Workers:
    """Two workers of a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared: list[SharedTraces] = []
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Workers:
        for index in range(2):
            state = await storage.opened(Storage(data_dir=str(self.folder)))
            self.stack.push_async_callback(state.close)
            shared = SharedTraces(state, SystemClock(), index)
            shared.start()
            self.stack.push_async_callback(shared.close)
            self.shared.append(shared)
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self.stack.aclose()


def serve(own: SharedTraces, number: int) -> None:
    x = Exchange(f"request-{number}", Request("POST", "/v1/chat/completions", []), OPENAI, started=time.monotonic())
    x.caller = Caller("password")
    x.trace = own.begin(x)
    own.end(x, 200, "")


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to that")


async def test_watching_begins_and_ends_in_every_worker(tmp_path: Path) -> None:
    async with Workers(tmp_path) as workers:
        workers.shared[0].watch(60)
        await until(lambda: workers.shared[1].on)
        workers.shared[0].watch(0)
        await until(lambda: not workers.shared[1].on)


async def test_trace_of_one_worker_is_shown_by_the_other(tmp_path: Path) -> None:
    async with Workers(tmp_path) as workers:
        serve(workers.shared[0], 1)
        await until(lambda: len(workers.shared[1].latest()) == 1)
        (trace,) = workers.shared[1].latest()
        assert (trace.id, trace.worker, trace.ended, trace.caller) == ("request-1", 0, True, "password")
        serve(workers.shared[1], 2)
        await until(lambda: len(workers.shared[0].latest()) == 2)


async def test_many_traces_are_one_small_document(tmp_path: Path) -> None:
    async with Workers(tmp_path) as workers:
        for number in range(300):
            serve(workers.shared[0], number)
        await until(lambda: len(workers.shared[1].latest()) == 20)
        assert len(workers.shared[0].latest()) == 200


async def test_worker_that_has_gone_shows_nothing_more(tmp_path: Path) -> None:
    async with Workers(tmp_path) as workers:
        serve(workers.shared[0], 1)
        await until(lambda: len(workers.shared[1].latest()) == 1)
        await workers.shared[0].close()
        await until(lambda: not workers.shared[1].latest())
