"""A trace says what each stage did and how long it took, and only where somebody asked."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from pathlib import Path
from typing import Any

import httpcore
import pytest

from adapters.simulator import Fault, Scenario
from tests.proxy import KEY, Running, pollux

CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}
TRACE, TIMING = ("x-pollux-trace", "1"), ("x-server-timing", "1")


async def chat(it: Running, *headers: tuple[str, str], key: str = KEY, **fields: Any) -> httpcore.Response:
    async with httpcore.AsyncConnectionPool() as pool:
        sent = [("authorization", f"Bearer {key}"), *headers]
        body = json.dumps({**CHAT, **fields}).encode()
        return await pool.request("POST", f"{it.url}/v1/chat/completions", headers=sent, content=body)


def timing(answer: httpcore.Response) -> list[str]:
    header = dict(answer.headers).get(b"server-timing", b"").decode()
    return re.findall(r"([\w.-]+);dur=[\d.]+", header)


async def test_request_without_a_wish_leaves_no_trace(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        answer = await chat(it)
        assert b"server-timing" not in dict(answer.headers)
        assert it.house.traces.latest() == []


@pytest.mark.parametrize("stream", [False, True])
async def test_trace_names_every_stage_in_order_with_its_time(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path) as it:
        await chat(it, TRACE, stream=stream)
        (trace,) = it.house.traces.latest()
        names = [span.stage for span in trace.spans]
        assert names[:3] == ["read", "auth", "format"]
        assert names[-3:] == ["transform", "usage", "relay"]
        assert all(span.ms is not None for span in trace.spans)
        starts = [span.start_ms for span in trace.spans]
        assert starts == sorted(starts)
        assert (trace.ended, trace.status, trace.error_type, trace.stream) == (True, 200, "", stream)
        assert (trace.model, trace.caller, trace.protocol) == ("gemini-3.8-flash", "password", "openai_chat")
        assert 0 < (trace.first_byte_ms or 0) <= trace.total_ms


async def test_trace_counts_what_a_stage_does_for_each_event(tmp_path: Path) -> None:
    shown = (Path(__file__).parents[2] / "proxy.toml").read_text(encoding="utf-8")
    text = shown[shown.index("[[pipeline]]") :].replace("show = true", "show = false")
    async with pollux(tmp_path, scenario=Scenario(text="word " * 5, events=5), config=text) as it:
        await chat(it, TRACE, stream=True)
        (trace,) = it.house.traces.latest()
        (thoughts,) = [span for span in trace.spans if span.stage == "thoughts"]
        assert thoughts.events >= 5
        assert thoughts.event_ms > 0


async def test_trace_notes_each_attempt_and_what_it_came_to(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault(effect="500", times=1)])) as it:
        assert (await chat(it, TRACE)).status == 200
        (trace,) = it.house.traces.latest()
        assert [attempt.error for attempt in trace.attempts] == ["provider_5xx", ""]
        assert all(attempt.ms is not None for attempt in trace.attempts)
        assert trace.attempts[0].credential != trace.attempts[1].credential


async def test_watching_traces_every_request_and_those_under_way(tmp_path: Path) -> None:
    scenario = Scenario(text="word " * 10, events=10, cadence=0.05)
    async with pollux(tmp_path, scenario=scenario) as it:
        it.house.traces.watch(30)
        asking = asyncio.create_task(chat(it, stream=True))
        await it.google.wait_requests(1)
        assert [trace.ended for trace in it.house.traces.latest()] == [False]
        await asking
        (trace,) = it.house.traces.latest()
        assert trace.ended
        it.house.traces.watch(0)
        await chat(it)
        assert it.house.traces.latest() == [trace]


async def test_failure_is_traced_with_its_word(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        await chat(it, TRACE, messages=[{"role": "user", "content": 7}])
        (trace,) = it.house.traces.latest()
        assert (trace.status, trace.error_type) == (400, "caller_invalid")
        assert trace.spans[-1].stage == "format"


async def test_server_timing_tells_each_stage_of_unary_and_stream(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        for stream in (False, True):
            told = timing(await chat(it, TIMING, stream=stream))
            assert told[:3] == ["read", "auth", "format"]
            assert told[-3:] == ["usage", "relay", "total"]


async def test_stranger_gets_no_server_timing_and_leaves_no_trace(tmp_path: Path) -> None:
    async with pollux(tmp_path, config="[server]\nserver_timing = true\n") as it:
        refused = await chat(it, TIMING, key="wrong")
        assert refused.status == 401
        assert timing(refused) == []
        assert timing(await chat(it))[-1] == "total"


async def test_secret_sent_as_a_model_is_not_kept(tmp_path: Path) -> None:
    secret = "sk-" + "madeup" * 4
    async with pollux(tmp_path) as it:
        await chat(it, TRACE, model=secret)
        assert secret not in repr(it.house.traces.latest())


async def test_room_for_traces_is_bounded(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        it.house.traces._ended = deque(maxlen=3)
        for _ in range(5):
            await chat(it, TRACE)
        assert len(it.house.traces.latest()) == 3
