"""Client keys as their users meet them: made on the command line, spent over sockets, never over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import pytest
from click.testing import CliRunner

from adapters.simulator import Fault, Scenario, Simulator
from pollux.cli import main
from tests.e2e.test_process import CHAT, Served, served
from tests.proxy import Running, pollux

QUOTA, ASKED = 150, 400

STORAGES = [""]
"""URLs of stores that the laws of two workers hold on; empty is the embedded one."""


def keys(folder: Path, *args: str, **variables: str) -> Any:
    environ = {"DATA_DIR": str(folder / "data"), **variables}
    result = CliRunner().invoke(main, ["keys", *args, "--json"], env=environ, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def made(folder: Path, *args: str, **variables: str) -> str:
    document = await asyncio.to_thread(keys, folder, "create", *args, **variables)
    return str(document["api_key"])


async def shown(folder: Path, key: str, **variables: str) -> dict[str, Any]:
    document: dict[str, Any] = await asyncio.to_thread(keys, folder, "show", key, **variables)
    return document


async def chat(pool: httpcore.AsyncConnectionPool, url: str, key: str, **fields: object) -> tuple[int, dict[str, Any]]:
    body = json.dumps({**CHAT, **fields}).encode()
    headers = [("authorization", f"Bearer {key}")]
    response = await pool.request("POST", f"{url}/v1/chat/completions", headers=headers, content=body)
    return response.status, {"headers": dict(response.headers), **json.loads(response.content)}


async def until_known(pool: httpcore.AsyncConnectionPool, url: str, key: str) -> None:
    """Wait until a worker knows a key; asking for the models costs nothing."""
    headers = [("authorization", f"Bearer {key}")]

    async def known() -> bool:
        return (await pool.request("GET", f"{url}/v1/models", headers=headers)).status == 200

    await until(known, 5)


async def test_key_created_while_running_chats_until_its_quota_is_used_up(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        key = await made(tmp_path, "--total", "20", "--description", "张三")
        await until_known(pool, proxy.url, key)
        for model in ("gemini-2.5-pro", "流式抗截断/gemini-2.5-flash", "gemini-2.5-pro-search"):
            status, answer = await chat(pool, proxy.url, key, model=model)
            assert status == (429 if model.endswith("search") else 200), answer
        assert answer["error"]["code"] == "insufficient_quota"
        assert b"retry-after" not in answer["headers"]
        assert (await chat(pool, proxy.url, key))[0] == 200
        await proxy.house.holdings.sync()
        document = await shown(tmp_path, key)
        assert (document["used_total"], document["description"]) == (10 + 4 + 1, "张三")


async def test_disabled_expired_and_unknown_keys_are_refused(tmp_path: Path) -> None:
    key = await made(tmp_path)
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    expired = await made(tmp_path, "--expires", soon.isoformat())
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        assert (await chat(pool, proxy.url, key))[0] == 200
        await asyncio.sleep((soon - datetime.now(UTC)).total_seconds())
        assert (await chat(pool, proxy.url, expired))[0] == 403
        assert (await chat(pool, proxy.url, "sk-unknown"))[0] == 401
        await asyncio.to_thread(keys, tmp_path, "update", key, "--disable")

        async def refused() -> bool:
            return (await chat(pool, proxy.url, key))[0] == 403

        await until(refused, 1)


async def test_model_that_key_may_not_use_is_refused(tmp_path: Path) -> None:
    key = await made(tmp_path, "--model", "*-flash*")
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        assert (await chat(pool, proxy.url, key, model="gemini-2.5-flash-search"))[0] == 200
        status, answer = await chat(pool, proxy.url, key, model="gemini-2.5-pro")
        assert (status, answer["error"]["code"]) == (403, "policy_model_denied")


async def test_failed_upstream_and_local_probe_cost_nothing(tmp_path: Path) -> None:
    config = '[[pipeline]]\nstage = "auth"\n'
    for stage in ("format", "models", "model-suffix", "probe", "quota", "credential", "upstream", "transform", "usage"):
        options = {"probe": 'answer = "alive"\n', "credential": "attempts = 1\n"}.get(stage, "")
        config += f'[[pipeline]]\nstage = "{stage}"\n{options}'
    key = await made(tmp_path, "--total", "1")
    async with pollux(tmp_path, config=config) as proxy, httpcore.AsyncConnectionPool() as pool:
        assert (await chat(pool, proxy.url, key, messages=[{"role": "user", "content": "Hi"}]))[0] == 200
        proxy.google.script(Fault("400", times=1))
        assert (await chat(pool, proxy.url, key))[0] == 400
        assert (await chat(pool, proxy.url, key))[0] == 200
        assert (await chat(pool, proxy.url, key))[0] == 429
        await statistics(proxy)


async def statistics(proxy: Running) -> None:
    usage = proxy.house.usage
    (caller,) = (await usage.today("key")).values()
    assert (caller.calls, caller.ok, caller.cost) == (3, 2, 1)
    assert caller.tokens["input"] > 0
    assert caller.models["gemini-3.8-flash"] == {"calls": 3, "ok": 2, "cost": 1}
    (credential, *_) = (await usage.today("credential")).values()
    assert credential.calls >= 1
    assert (await usage.read("model"))["gemini-3.8-flash"].ok == 2


@pytest.mark.parametrize("storage", STORAGES)
async def test_two_workers_let_in_exactly_the_quota(tmp_path: Path, storage: str) -> None:
    async with Simulator(Scenario(latency=0.1)) as google, started(tmp_path, google, storage) as it:
        key = await made(tmp_path, "--total", str(QUOTA), **stored(storage))
        answers = await asked(it, key)
        assert answers == Counter({200: QUOTA, 429: ASKED - QUOTA})
        await until_settled(tmp_path, key, storage)


@pytest.mark.parametrize("storage", STORAGES)
async def test_killed_worker_never_lets_in_more_and_its_lease_returns(tmp_path: Path, storage: str) -> None:
    async with Simulator(Scenario(latency=0.3)) as google, started(tmp_path, google, storage) as it:
        key = await made(tmp_path, "--total", str(QUOTA), **stored(storage))
        asking = asyncio.create_task(asked(it, key))
        await google.wait_requests(QUOTA // 2)
        os.kill(busiest(it), signal.SIGKILL)
        answers = await asking
        assert answers[200] <= QUOTA
        assert answers[0] > 0, "nobody was under way on the killed worker"
        async with asyncio.timeout(15):
            while (await shown(tmp_path, key, **stored(storage)))["used_total"] < QUOTA:
                answers[200] += (await asked(it, key))[200]
        assert QUOTA - answers[0] <= answers[200] <= QUOTA


def stored(storage: str) -> dict[str, str]:
    return {"STORAGE_URL": storage} if storage else {}


def started(folder: Path, google: Simulator, storage: str) -> Any:
    return served(folder, google, WORKERS="2", **stored(storage))


async def asked(it: Served, key: str) -> Counter[int]:
    """Ask at once; a connection that was cut counts as 0."""

    async def one() -> int:
        try:
            return (await chat(pool, it.url, key))[0]
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return 0

    async with httpcore.AsyncConnectionPool(max_connections=ASKED, max_keepalive_connections=0) as pool:
        for _ in range(10):
            await until_known(pool, it.url, key)
        return Counter(await asyncio.gather(*(one() for _ in range(ASKED))))


async def until_settled(folder: Path, key: str, storage: str) -> None:
    async def settled() -> bool:
        return bool((await shown(folder, key, **stored(storage)))["used_total"] == QUOTA)

    await until(settled, 10)


async def until(ready: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await ready():  # another process tells nobody
            await asyncio.sleep(0.05)


def children(it: Served) -> list[int]:
    listed = Path(f"/proc/{it.process.pid}/task/{it.process.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in listed.split()]


def busiest(it: Served) -> int:
    """Return the worker that has most sockets open: who is killed idle loses nothing."""
    return max(children(it), key=lambda pid: len(list(Path(f"/proc/{pid}/fd").iterdir())))
