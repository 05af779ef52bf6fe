"""Requests that take several calls to Google: the real openai library gets one answer, and the pool loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from adapters.simulator import Fault, Scenario
from pipeline.exchange import Exchange
from tests.proxy import KEY, Running, pollux

EMBEDDER = "gemini-embedding-001"
PAINTER = "gemini-3-pro-image"
TEXTS = [f"text {number}" for number in range(250)]
QUIET = {"RETRY_429_INTERVAL": "0.01"}


@asynccontextmanager
async def asking(folder: Path, scenario: Scenario | None = None, **more: Any) -> AsyncIterator[tuple[Running, Any]]:
    """A running proxy, and the library that calls it."""
    async with (
        pollux(folder, scenario=scenario, **more) as proxy,
        openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0) as ai,
    ):
        yield proxy, ai


def sizes(proxy: Running) -> list[int]:
    """How many texts each call to Google had."""
    return [len(entry.body["requests"]) for entry in proxy.google.requests]


def watched(proxy: Running) -> list[Exchange]:
    """The exchanges that end from now on, as those see them who count."""
    ended: list[Exchange] = []
    done = proxy.house.traffic.done

    def keep(x: Exchange, outcome: BaseException | None) -> None:
        ended.append(x)
        done(x, outcome)

    proxy.house.traffic.done = keep  # type: ignore[method-assign]
    return ended


def assert_nothing_held(proxy: Running) -> None:
    assert all(unit.active == 0 for unit in proxy.house.pool.snapshot())


async def test_many_texts_are_embedded_in_batches_and_come_back_in_order(tmp_path: Path) -> None:
    async with asking(tmp_path) as (proxy, ai):
        # What comes first comes back last.
        proxy.google.script(Fault("drip", body='"text 0"', seconds=0.00001))
        many = await ai.embeddings.create(model=EMBEDDER, input=TEXTS, dimensions=8)
        assert sorted(sizes(proxy)) == [50, 100, 100]
        assert [each.index for each in many.data] == list(range(250))
        for number in (0, 99, 100, 249):
            one = await ai.embeddings.create(model=EMBEDDER, input=TEXTS[number], dimensions=8)
            assert many.data[number].embedding == one.data[0].embedding
        assert_nothing_held(proxy)


async def test_hundred_texts_are_one_call(tmp_path: Path) -> None:
    async with asking(tmp_path) as (proxy, ai):
        await ai.embeddings.create(model=EMBEDDER, input=TEXTS[:100], dimensions=8)
        assert sizes(proxy) == [100]


async def test_more_texts_than_openai_takes_are_refused_by_name(tmp_path: Path) -> None:
    async with asking(tmp_path) as (proxy, ai):
        with pytest.raises(openai.BadRequestError) as refused:
            await ai.embeddings.create(model=EMBEDDER, input=["x"] * 2049)
        assert refused.value.param == "input"
        answer = await ai.embeddings.create(model=EMBEDDER, input=["x"] * 2048, dimensions=1)
        assert (len(answer.data), len(sizes(proxy))) == (2048, 21)


async def test_no_more_calls_than_said_are_under_way_at_a_time(tmp_path: Path) -> None:
    async with asking(tmp_path, Scenario(faults=[Fault("stall")])) as (proxy, ai):
        call = asyncio.create_task(ai.embeddings.create(model=EMBEDDER, input=["x"] * 2000))
        await proxy.google.wait_requests(4)
        await asyncio.sleep(0.1)
        assert (proxy.google.active, len(proxy.google.requests)) == (4, 4)
        call.cancel()
        await proxy.google.wait_idle(1)
        await asyncio.sleep(0.1)
        assert len(proxy.google.requests) == 4
        assert_nothing_held(proxy)


async def test_batch_that_fails_once_is_tried_with_another_key_alone(tmp_path: Path) -> None:
    fault = Fault("429-per-minute", body='"text 120"', times=1)
    async with asking(tmp_path, Scenario(faults=[fault]), **QUIET) as (proxy, ai):
        ended = watched(proxy)
        answer = await ai.embeddings.create(model=EMBEDDER, input=TEXTS, dimensions=8)
        assert len(answer.data) == 250
        assert sorted(sizes(proxy)) == [50, 100, 100, 100]
        assert [x.attempts for x in ended] == [4]
        assert sorted(unit.state for unit in proxy.house.pool.snapshot()) == ["cooling", "ready", "ready"]
        assert_nothing_held(proxy)


async def test_batch_that_is_refused_ends_the_others_and_is_the_answer(tmp_path: Path) -> None:
    refused = Fault("400-schema", body='"text 120"')
    stalled = Fault("stall", body='"text 0"')
    async with asking(tmp_path, Scenario(faults=[refused, stalled])) as (proxy, ai):
        ended = watched(proxy)
        async with asyncio.timeout(5):
            with pytest.raises(openai.BadRequestError):
                await ai.embeddings.create(model=EMBEDDER, input=TEXTS, dimensions=8)
        await proxy.google.wait_idle(1)
        assert_nothing_held(proxy)
        assert [x.attempts for x in ended] == [len(proxy.google.requests)]


async def test_failure_is_put_down_to_no_other_key(tmp_path: Path) -> None:
    fault = Fault("429-per-minute", body='"text 120"')
    async with asking(tmp_path, Scenario(faults=[fault]), RETRY_429_ENABLED="false") as (proxy, ai):
        proxy.house.traces.watch(30)
        with pytest.raises(openai.RateLimitError):
            await ai.embeddings.create(model=EMBEDDER, input=TEXTS, dimensions=8)
        states = {unit.credential: unit.state for unit in proxy.house.pool.snapshot()}
        assert sorted(states.values()) == ["cooling", "ready", "ready"]
        (failure,) = proxy.house.traffic.failures
        assert states[failure.credential] == "cooling"
        (trace,) = proxy.house.traces.latest()
        errors = {attempt.credential: attempt.error for attempt in trace.attempts if attempt.error}
        assert errors == {failure.credential: "provider_rate_limit"}


async def test_key_that_may_have_one_call_under_way_embeds_batch_by_batch(tmp_path: Path) -> None:
    config = "[scheduling]\nconcurrency = 1\n"
    async with asking(tmp_path, config=config, keys="test-key-1") as (proxy, ai):
        answer = await ai.embeddings.create(model=EMBEDDER, input=["x"] * 1000, dimensions=1)
        assert (len(answer.data), len(sizes(proxy))) == (1000, 10)


async def test_each_batch_reserves_its_part_of_the_tokens_that_a_project_has(tmp_path: Path) -> None:
    texts = ["word " * 100] * 300  # of about 40,000 tokens by its length
    config = "[[limit]]\nmodel = '*'\nproject = '*'\ntpm = 60_000\n"
    async with asking(tmp_path, config=config, keys="test-key-1") as (_, ai):
        answer = await ai.embeddings.create(model=EMBEDDER, input=texts, dimensions=1)
        assert len(answer.data) == 300


def draws(nth: int, text: str, *parts: dict[str, Any]) -> Fault:
    """What an image model answers to its nth call."""
    candidate = {"content": {"parts": [{"text": text}, *parts]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1290, "totalTokenCount": 1293}
    return Fault("events", nth=nth, times=1, events=[{"candidates": [candidate], "usageMetadata": usage}])


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AP/+"}}


async def test_each_picture_is_drawn_by_a_call_of_its_own(tmp_path: Path) -> None:
    async with asking(tmp_path) as (proxy, ai):
        ended = watched(proxy)
        one = await ai.images.generate(model=PAINTER, prompt="a cat", n=1)
        three = await ai.images.generate(model=PAINTER, prompt="a cat", n=3, size="1536x1024")
        assert (len(one.data), len(three.data), len(proxy.google.requests)) == (1, 3, 4)
        assert all(each.b64_json and each.revised_prompt for each in three.data)
        assert three.usage.total_tokens == 3 * one.usage.total_tokens
        assert three.usage.input_tokens_details.text_tokens == 3 * one.usage.input_tokens
        assert [x.usage["totalTokenCount"] for x in ended] == [one.usage.total_tokens, three.usage.total_tokens]
        assert [x.attempts for x in ended] == [1, 3]
        assert_nothing_held(proxy)


async def test_pictures_that_were_drawn_are_the_answer_where_others_were_not(tmp_path: Path) -> None:
    faults = [draws(1, "I cannot draw that."), draws(2, "A cat.", PICTURE), draws(3, "Nor that.")]
    async with asking(tmp_path, Scenario(faults=faults)) as (_, ai):
        answer = await ai.images.generate(model=PAINTER, prompt="a cat", n=3)
        assert [(each.b64_json, each.revised_prompt) for each in answer.data] == [("AP/+", "A cat.")]
        assert answer.usage.total_tokens == 3 * 1293


async def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    async with asking(tmp_path, Scenario(faults=[draws(1, "No."), draws(2, "No.")])) as (_, ai):
        with pytest.raises(openai.InternalServerError, match="drew nothing"):
            await ai.images.generate(model=PAINTER, prompt="a cat", n=2)


async def test_tokens_of_calls_that_were_answered_count_though_another_failed(tmp_path: Path) -> None:
    faults = [Fault("400-schema", nth=6, times=1), draws(1, "A cat.", PICTURE)]
    async with asking(tmp_path, Scenario(faults=faults)) as (proxy, ai):
        ended = watched(proxy)
        with pytest.raises(openai.BadRequestError):
            await ai.images.generate(model=PAINTER, prompt="a cat", n=10)
        assert ended[0].usage["totalTokenCount"] > 0
        assert_nothing_held(proxy)


async def test_caller_that_leaves_ends_all_pictures_at_once(tmp_path: Path) -> None:
    async with asking(tmp_path, Scenario(faults=[Fault("stall")])) as (proxy, ai):
        call = asyncio.create_task(ai.images.generate(model=PAINTER, prompt="a cat", n=3))
        await proxy.google.wait_requests(3)
        call.cancel()
        await proxy.google.wait_idle(1)
        assert all(entry.closed is not None for entry in proxy.google.requests)
        assert_nothing_held(proxy)
