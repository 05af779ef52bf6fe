"""What Google lets a project do is never overdrawn, however many workers of however many machines serve it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from adapters.simulator import Scenario, Simulator
from pollux.settings import Storage
from pollux.storage import opened
from tests.e2e.test_keys import busiest, until
from tests.e2e.test_replicas import generated, replicas
from tests.proxy import KEY
from tests.stores.servers import Servers, servers

__all__ = ["servers"]

RPD, ASKED = 40, 120
LIMITED = f"[[limit]]\nrpd = {RPD}\n"
SERVING = {"GEMINI_API_KEYS": "test-key-1", "RETRY_429_ENABLED": "false"}


@pytest.fixture(params=["sqlite", "redis"])
def places(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> dict[str, str]:
    """Where two machines keep their state; SQLite is shared by being in the same directory."""
    if request.param == "sqlite":
        return {"storage": "", "DATA_DIR": str(tmp_path / "data")}
    return {"storage": servers[request.param].fresh()}


async def spent(places: dict[str, str], folder: Path) -> int:
    """What the store says was spent."""
    state = await opened(Storage(url=places["storage"], data_dir=places.get("DATA_DIR", str(folder))))
    try:
        return sum(account.spent for account in (await state.accounts("ledger/")).values())
    finally:
        await state.close()


async def test_machines_together_send_exactly_what_the_limit_allows(tmp_path: Path, places: dict[str, str]) -> None:
    async with (
        Simulator(Scenario(latency=0.1)) as google,
        replicas(tmp_path, google, config=LIMITED, **places, **SERVING) as both,
    ):
        assert await both.asked(KEY, ASKED) == Counter({200: RPD, 429: ASKED - RPD})
        assert generated(google) == RPD
        assert await both.everywhere(KEY) == {429}
        assert generated(google) == RPD


async def test_killed_worker_takes_no_more_than_what_it_had_on_lease(tmp_path: Path, places: dict[str, str]) -> None:
    async with (
        Simulator(Scenario(latency=0.3)) as google,
        replicas(tmp_path, google, config=LIMITED, **places, **SERVING) as both,
    ):
        asking = asyncio.create_task(both.asked(KEY, ASKED))
        await google.wait_requests(RPD // 2, within=20)
        os.kill(busiest(both.machines[0]), signal.SIGKILL)
        answers = await asking
        assert answers[0] > 0, "nobody was under way on the killed worker"

        async def used_up() -> bool:
            answers.update(await both.asked(KEY, 12))  # what comes back with its death is for whoever asks
            return await spent(places, tmp_path) == RPD

        await until(used_up, 20)
        assert await both.everywhere(KEY) == {429}
        assert RPD - answers[0] <= generated(google) <= RPD
