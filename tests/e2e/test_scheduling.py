"""Scheduling as configured: rows, limits, models, memory, in a proxy that serves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator import Fault, Scenario
from tests.pipeline.stages.callers import chat, generations, native, post
from tests.proxy import Running, pollux

MODEL = "gemini-3.8-flash"
ROW = '[[error]]\nstatus = [400]\nmessage = "invalid argument"\nscope = "request"\naction = "rotate"\n'


def keys_used(proxy: Running) -> Counter[str]:
    return Counter(entry.headers["x-goog-api-key"] for entry in proxy.google.requests)


@pytest.mark.parametrize(("row", "status", "calls"), [("", 400, 1), (ROW, 200, 2)])
async def test_own_row_overrules_what_is_built_in(tmp_path: Path, row: str, status: int, calls: int) -> None:
    scenario = Scenario(faults=[Fault("400", times=1)])
    async with pollux(tmp_path, scenario=scenario, config=row, RETRY_429_INTERVAL="0") as proxy:
        heard = await chat(proxy, MODEL, stream=False)
        assert (heard.status, len(proxy.google.requests)) == (status, calls)


async def test_bare_refusal_that_follows_a_request_cools_one_key_of_three(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("403")]), RETRY_429_INTERVAL="0") as proxy:
        await chat(proxy, MODEL, stream=False)
        assert len(proxy.google.requests) >= 3
        states = [unit.state for unit in proxy.house.pool.snapshot() if unit.kind == "gemini_api"]
        assert sorted(states) == ["cooling", "ready", "ready"]


async def test_limit_is_kept_without_asking_google_and_told_with_retry_after(tmp_path: Path) -> None:
    config = '[[limit]]\nmodel = "gemini-3*"\nrpd = 2\n'
    async with pollux(tmp_path, config=config) as proxy:
        statuses = [(await native(proxy, MODEL, stream=False)).status for _ in range(7)]
        assert statuses == [200] * 6 + [429]
        assert set(keys_used(proxy).values()) == {2}
        assert (await native(proxy, "gemini-2.5-flash", stream=False)).status == 200
        shown = (await proxy.house.sampler.scrape())[1].decode()
        assert shown.count("pollux_quota_remaining_ratio{") == 3
        assert {forecast.remaining for forecast in proxy.house.pool.forecast()} == {0}


async def test_limit_is_learnt_from_googles_refusal(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("429-per-minute", times=1)])
    async with pollux(tmp_path, scenario=scenario, keys="test-key-1", RETRY_429_ENABLED="false") as proxy:
        assert (await chat(proxy, MODEL, stream=False)).status == 429
        assert [(each.quota, each.limit) for each in proxy.house.pool.forecast()] == [("rpm", 5)]


@pytest.mark.parametrize(("said", "level"), [({}, "LOW"), ({"reasoning_effort": "high"}, "HIGH")])
async def test_model_thinks_as_its_table_says_unless_the_request_says_more(
    tmp_path: Path, said: dict[str, Any], level: str
) -> None:
    config = '[[model]]\nname = "gemini-3*"\ndisplay_name = "Quick one"\ninput_limit = 1000\ndefault_thinking = "low"\n'
    async with pollux(tmp_path, config=config) as proxy:
        await chat(proxy, MODEL, stream=False, **said)
        (sent,) = generations(proxy)
        assert sent["generationConfig"]["thinkingConfig"]["thinkingLevel"] == level
        listed = {model["name"]: model for model in await proxy.house.ports.catalogue.models()}
        assert listed[f"models/{MODEL}"]["displayName"] == "Quick one"
        assert listed[f"models/{MODEL}"]["inputTokenLimit"] == 1000
        assert listed["models/gemini-2.5-pro"]["displayName"] != "Quick one"


async def test_conversations_stay_with_their_key(tmp_path: Path) -> None:
    async with pollux(tmp_path, config='[scheduling]\nstrategy = "cache-affine"\n') as proxy:
        for turns in range(4):
            said = [{"role": "user", "content": "Where were we?"}]
            said += [{"role": "assistant", "content": "Here."}, {"role": "user", "content": "Go on."}] * turns
            await post(proxy, "/v1/chat/completions", {"model": MODEL, "messages": said})
        assert list(keys_used(proxy).values()) == [4]


async def test_memory_that_runs_out_sheds_new_requests_and_leaves_those_under_way_alone(tmp_path: Path) -> None:
    scenario = Scenario(text="word " * 20, events=20, cadence=0.02)
    async with pollux(tmp_path, scenario=scenario, config="[server]\nmax_memory_bytes = 1\n") as proxy:
        first = asyncio.create_task(chat(proxy, MODEL))
        await proxy.google.wait_requests(1)
        status, body = await post(proxy, "/v1/chat/completions", {"model": MODEL, "messages": []})
        assert status == 503
        assert json.loads(body)["error"]["code"] == "proxy_queue_full"
        assert (await first).status == 200
        assert (await chat(proxy, MODEL)).status == 200
