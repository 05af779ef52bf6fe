"""Two machines with two workers each on one store: never over a quota, one refresh, and news within a second."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpcore
import pytest
from msgspec import Struct

from adapters.simulator import Scenario, Simulator
from tests.e2e.test_keys import chat, children, keys, made, shown, until
from tests.e2e.test_process import Served, served
from tests.proxy import KEY
from tests.stores.servers import Servers, servers

__all__ = ["servers"]

QUOTA, ASKED = 150, 400
MODELS = "/v1/models"

Pool = httpcore.AsyncConnectionPool


class Replicas(Struct):
    """Machines that share a store, and what asks the store itself."""

    machines: list[Served]
    folder: Path
    storage: str

    @property
    def urls(self) -> list[str]:
        return [machine.url for machine in self.machines]

    async def key(self, *args: str) -> str:
        """Make a key, and wait until every worker knows it."""
        key = await made(self.folder, *args, STORAGE_URL=self.storage)
        async with connections() as pool:
            for url in self.urls:
                for _ in range(10):
                    await until(lambda url=url: answers(pool, url, MODELS, key, 200), 5)
        return key

    async def used(self, key: str) -> int:
        return int((await shown(self.folder, key, STORAGE_URL=self.storage))["used_total"])


def connections() -> Pool:
    """Return connections that are used once, so that every request may meet another worker."""
    return Pool(max_connections=ASKED, max_keepalive_connections=0)


@asynccontextmanager
async def replicas(folder: Path, google: Simulator, storage: str, **variables: str) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        machines = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            machine = served(folder / name, google, WORKERS="2", STORAGE_URL=storage, **variables)
            machines.append(await stack.enter_async_context(machine))
        async with connections() as pool:
            for machine in machines:
                await until(lambda url=machine.url: answers(pool, url, MODELS, KEY, 200), 10)
        yield Replicas(machines, folder, storage)


async def answers(pool: Pool, url: str, path: str, key: str, status: int) -> bool:
    headers = [("authorization", f"Bearer {key}")]
    return (await pool.request("GET", f"{url}{path}", headers=headers)).status == status


async def asked(to: Replicas, key: str, count: int = ASKED) -> Counter[int]:
    """Ask all machines at once; a connection that was cut counts as 0."""

    async def one(url: str) -> int:
        try:
            return (await chat(pool, url, key))[0]
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return 0

    async with connections() as pool:
        urls = cycle(to.urls)
        return Counter(await asyncio.gather(*(one(next(urls)) for _ in range(count))))


@pytest.mark.parametrize("store", ["redis", "postgres", "mongo"])
async def test_two_machines_let_in_exactly_the_quota(tmp_path: Path, servers: Servers, store: str) -> None:
    storage = servers[store].fresh()
    async with Simulator(Scenario(latency=0.1)) as google, replicas(tmp_path, google, storage) as both:
        key = await both.key("--total", str(QUOTA))
        assert await asked(both, key) == Counter({200: QUOTA, 429: ASKED - QUOTA})

        async def settled() -> bool:
            return await both.used(key) == QUOTA

        await until(settled, 10)
        assert sum("generateContent" in entry.request.path for entry in google.requests) == QUOTA
