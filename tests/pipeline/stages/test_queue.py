"""The queue before a model, in a proxy that serves."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters.simulator import Fault, Scenario
from pipeline.queueing import NOTE
from tests.pipeline.stages.callers import chat, post
from tests.proxy import Running, pollux

MODEL = "gemini-3.8-flash"
STORY = {"messages": [{"role": "user", "content": "Tell me a story"}]}


def under_way(proxy: Running) -> int:
    return sum(x.notes[NOTE].outcome == "admitted" for x in proxy.house.app.exchanges() if NOTE in x.notes)


async def metrics(proxy: Running) -> str:
    return (await proxy.house.sampler.scrape())[1].decode()


async def shown(proxy: Running, figure: str) -> None:
    async with asyncio.timeout(5):
        while figure not in await metrics(proxy):  # a figure wakes nobody
            await asyncio.sleep(0.01)


async def test_no_more_are_under_way_than_may_be_and_all_are_answered(tmp_path: Path) -> None:
    scenario = Scenario(latency=0.05)
    async with pollux(tmp_path, scenario=scenario, QUEUE_MAX_CONCURRENCY="2") as proxy:
        asked = [asyncio.create_task(chat(proxy, MODEL, stream=bool(n % 2))) for n in range(10)]
        most = 0
        while not all(task.done() for task in asked):
            most = max(most, under_way(proxy))
            await asyncio.sleep(0.005)
        assert [task.result().status for task in asked] == [200] * 10
        assert most <= 2
        await shown(proxy, 'pollux_queue_wait_seconds_count{outcome="admitted",route="default"} 10.0')


async def test_request_that_waits_too_long_gets_429_and_retry_after(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("stall")])
    async with pollux(tmp_path, scenario=scenario, QUEUE_MAX_CONCURRENCY="1", QUEUE_MAX_WAIT_MS="50") as proxy:
        first = asyncio.create_task(post(proxy, "/v1/chat/completions", {"model": MODEL, **STORY}))
        await proxy.google.wait_requests(1)
        status, body = await post(proxy, "/v1/chat/completions", {"model": MODEL, **STORY})
        assert (status, "No turn came within 0.05 s" in body) == (429, True)
        assert len(proxy.google.requests) == 1
        assert 'outcome="timeout"' in await metrics(proxy)
        first.cancel()


async def test_caller_that_leaves_the_queue_asks_nothing_and_holds_nothing(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("stall", times=1)])
    async with pollux(tmp_path, scenario=scenario, QUEUE_MAX_CONCURRENCY="1") as proxy:
        first, second = (
            asyncio.create_task(post(proxy, "/v1/chat/completions", {"model": MODEL, **STORY})) for _ in range(2)
        )
        await proxy.google.wait_requests(1)
        await shown(proxy, 'pollux_queue_depth{route="default"} 1.0')
        second.cancel()
        await shown(proxy, 'outcome="gone"')
        assert len(proxy.google.requests) == 1
        first.cancel()
        assert (await asyncio.wait_for(chat(proxy, MODEL), 2)).status == 200


async def test_queue_of_one_model_keeps_no_other_waiting(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("stall", model=MODEL)])
    async with pollux(tmp_path, scenario=scenario, QUEUE_MAX_CONCURRENCY="1") as proxy:
        first = asyncio.create_task(post(proxy, "/v1/chat/completions", {"model": MODEL, **STORY}))
        await proxy.google.wait_requests(1)
        assert (await asyncio.wait_for(chat(proxy, "gemini-2.5-flash"), 2)).status == 200
        first.cancel()


async def test_pipeline_without_a_limit_has_no_queue(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        assert (await chat(proxy, MODEL)).status == 200
        assert "pollux_queue_wait_seconds_count" not in await metrics(proxy)
