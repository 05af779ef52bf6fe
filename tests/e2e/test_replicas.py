"""Two machines with two workers each on one store: never over a quota, one refresh, and news within a second."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpcore
import pytest
from msgspec import Struct

from adapters.clock import SystemClock
from adapters.simulator import Fault, Scenario, Simulator
from pipeline.usage import UsageBook
from pipeline.windows import Windows
from pollux.settings import Storage
from pollux.storage import opened
from tests.e2e.test_keys import busiest, chat, made, shown, until
from tests.e2e.test_process import Served, served
from tests.proxy import KEY
from tests.stores.servers import Servers, servers

__all__ = ["servers"]

STORES = ["redis", "postgres", "mongo"]
QUOTA, ASKED = 150, 400
PER_MACHINE = 12
"""Requests on connections of their own after which both workers of a machine were met, but for one time in 2,000."""
SOON = 1.0
"""Seconds within which every machine has heard what one did."""
EXPIRED = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "token": "made-up-access",
    "refresh_token": "made-up-refresh",
    "project_id": "made-up-project",
    "expiry": "2020-01-01T00:00:00",
}

Pool = httpcore.AsyncConnectionPool


class Replicas(Struct):
    """Machines that share a store."""

    machines: list[Served]
    folder: Path
    storage: str

    async def key(self, *args: str) -> str:
        return await made(self.folder, *args, STORAGE_URL=self.storage)

    async def used(self, key: str) -> int:
        return int((await shown(self.folder, key, STORAGE_URL=self.storage))["used_total"])

    async def settled(self, key: str, used: int) -> None:
        async def is_settled() -> bool:
            return await self.used(key) == used

        await until(is_settled, 10)

    async def asked(self, key: str, count: int) -> Counter[int]:
        """Ask all machines at once; a connection that was cut counts as 0."""
        async with connections() as pool:
            turns = cycle(self.machines)
            return Counter(await asyncio.gather(*(one(pool, next(turns).url, key) for _ in range(count))))

    async def everywhere(self, key: str) -> set[int]:
        """Return what every worker answers."""
        return set(await self.asked(key, PER_MACHINE * len(self.machines)))


def connections() -> Pool:
    """Return connections that are used once, so that every request may meet another worker."""
    return Pool(max_connections=ASKED, max_keepalive_connections=0)


async def one(pool: Pool, url: str, key: str) -> int:
    try:
        return (await chat(pool, url, key))[0]
    except (httpcore.NetworkError, httpcore.ProtocolError):
        return 0


@asynccontextmanager
async def replicas(
    folder: Path, google: Simulator, storage: str, machines: str = "ab", config: str = "", **variables: str
) -> AsyncIterator[Replicas]:
    """Serve on machines without credentials in files, until every worker of them is up."""
    async with AsyncExitStack() as stack:
        started = []
        for name in machines:
            (folder / name).mkdir()
            (folder / name / "proxy.toml").write_text(config, encoding="utf-8")
            settings = {"WORKERS": "2", "STORAGE_URL": storage, "CREDENTIALS_DIR": str(folder / name / "none")}
            started.append(await stack.enter_async_context(served(folder / name, google, **settings | variables)))
        for machine in started:
            await until_up(machine)
        yield Replicas(started, folder, storage)


async def until_up(machine: Served) -> None:
    async def up() -> bool:
        async with Pool() as pool:
            headers = [("authorization", "Bearer panel")]
            page = await pool.request("GET", f"{machine.url}/metrics", headers=headers)
        return b"pollux_workers 2.0" in page.content or b"pollux_workers 4.0" in page.content

    await until(up, 20)


async def pollux(*args: str, **variables: str) -> Any:
    """Run a command in a process of its own, as an operator does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollux", *args), env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said) if "--json" in args else None


def generated(google: Simulator) -> int:
    return len(google.requests.matching(":generateContent"))


@pytest.fixture(params=STORES)
def storage(request: pytest.FixtureRequest, servers: Servers) -> str:
    return servers[request.param].fresh()


async def test_two_machines_let_in_exactly_the_quota(tmp_path: Path, storage: str) -> None:
    async with Simulator(Scenario(latency=0.1)) as google, replicas(tmp_path, google, storage) as both:
        key = await both.key("--total", str(QUOTA))
        await asyncio.sleep(SOON)
        assert await both.asked(key, ASKED) == Counter({200: QUOTA, 429: ASKED - QUOTA})
        assert generated(google) == QUOTA
        await both.settled(key, QUOTA)


async def test_killed_worker_of_one_machine_never_lets_in_more_and_its_lease_returns(
    tmp_path: Path, storage: str
) -> None:
    async with Simulator(Scenario(latency=0.3)) as google, replicas(tmp_path, google, storage) as both:
        key = await both.key("--total", str(QUOTA))
        await asyncio.sleep(SOON)
        asking = asyncio.create_task(both.asked(key, ASKED))
        await google.wait_requests(QUOTA // 2, within=20)
        os.kill(busiest(both.machines[0]), signal.SIGKILL)
        answers = await asking
        assert answers[200] <= QUOTA
        assert answers[0] > 0, "nobody was under way on the killed worker"
        async with asyncio.timeout(20):
            while await both.used(key) < QUOTA:
                answers[200] += (await both.asked(key, 40))[200]
        assert QUOTA - answers[0] <= answers[200] <= QUOTA
        assert (await both.everywhere(key)) <= {429}


async def test_expired_token_is_refreshed_once_by_all_machines(tmp_path: Path, storage: str) -> None:
    scenario = Scenario(refresh_latency=0.3)
    (tmp_path / "expired.json").write_text(json.dumps(EXPIRED), encoding="utf-8")
    mine = {"DATA_DIR": str(tmp_path / "data"), "CREDENTIALS_DIR": str(tmp_path / "none"), "STORAGE_URL": storage}
    await pollux("creds", "add", str(tmp_path / "expired.json"), **mine)
    async with Simulator(scenario) as google, replicas(tmp_path, google, storage, GEMINI_API_KEYS="") as both:
        assert await both.asked(KEY, 40) == Counter({200: 40})
        assert len(google.requests.matching("/token")) == 1


async def test_expired_token_is_refreshed_once_by_all_workers_of_a_machine(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    directory.mkdir()
    (directory / "expired.json").write_text(json.dumps(EXPIRED), encoding="utf-8")
    settings = {"CREDENTIALS_DIR": str(directory), "GEMINI_API_KEYS": "", "WORKERS": "4"}
    async with (
        Simulator(Scenario(refresh_latency=0.3)) as google,
        replicas(tmp_path, google, "", "a", **settings) as it,
    ):
        assert await it.asked(KEY, 40) == Counter({200: 40})
        assert len(google.requests.matching("/token")) == 1


async def test_what_one_machine_does_is_known_to_the_other_soon(tmp_path: Path, storage: str) -> None:
    given = {"GEMINI_API_KEYS": "test-key-1", "RETRY_429_ENABLED": "false"}
    mine = {"DATA_DIR": str(tmp_path / "data"), "STORAGE_URL": storage, **given}
    async with Simulator() as google, replicas(tmp_path, google, storage, **given) as both:
        key = await both.key()
        await asyncio.sleep(SOON)
        assert await both.everywhere(key) == {200}

        google.script(Fault("429-per-minute", times=1))
        async with connections() as pool:
            assert await one(pool, both.machines[0].url, key) == 429
        asked = generated(google)
        await asyncio.sleep(SOON)
        assert await both.everywhere(key) == {429}

        (credential,) = await pollux("creds", "list", "--json", **mine)
        await pollux("creds", "disable", credential["credential"], **mine)
        await asyncio.sleep(SOON)
        assert await both.everywhere(key) == {503}
        assert generated(google) == asked


@pytest.mark.parametrize("store", ["redis", "postgres"])
async def test_store_stopped_and_started_under_load_fails_no_request(
    tmp_path: Path, servers: Servers, store: str
) -> None:
    storage, server = servers[store].fresh(), servers[store]
    async with Simulator(Scenario(latency=0.05)) as google, replicas(tmp_path, google, storage) as both:
        key = await both.key("--total", "100000")
        await asyncio.sleep(SOON)
        assert await both.everywhere(key) == {200}
        async with loaded(both, key) as answers:
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.stop)
            try:
                await until(lambda: store_is(both, "away"), 10)
                await asyncio.sleep(1.0)
            finally:
                await asyncio.to_thread(server.start)
            await until(lambda: store_is(both, "ok"), 10)
            await asyncio.sleep(0.3)
        assert {status for _, status in answers} == {200}
        asked = Counter(caller for caller, _ in answers)
        assert asked[KEY] > 20
        before = PER_MACHINE * len(both.machines)
        await both.settled(key, asked[key] + before)
        await until(lambda: counted(storage, len(answers) + before), 10)


async def counted(storage: str, calls: int) -> bool:
    """Whether statistics have so many calls."""
    state = await opened(Storage(url=storage))
    try:
        usage = await UsageBook(state, SystemClock(), Windows("UTC")).read("model")
    finally:
        await state.close()
    return [(each.calls, each.ok) for each in usage.values()] == [(calls, calls)]


async def store_is(both: Replicas, state: str) -> bool:
    """Whether the workers that are asked, a few of every machine, say so of their store."""
    async with connections() as pool:
        said = [await pool.request("GET", f"{machine.url}/readyz") for machine in both.machines for _ in range(6)]
    assert {page.status for page in said} == {200}
    return {json.loads(page.content)["store"] for page in said} == {state}


@asynccontextmanager
async def loaded(both: Replicas, key: str) -> AsyncIterator[list[tuple[str, int]]]:
    """Keep asking, with a key and with the password, while this is open; the answers are complete afterwards."""
    answers: list[tuple[str, int]] = []
    done = asyncio.Event()

    async def ask(pool: Pool, url: str, caller: str) -> None:
        while not done.is_set():
            answers.append((caller, await one(pool, url, caller)))

    async with connections() as pool, asyncio.TaskGroup() as tasks:
        for machine in both.machines:
            for caller in (key, KEY) * 2:
                tasks.create_task(ask(pool, machine.url, caller))
        try:
            yield answers
        finally:
            done.set()
