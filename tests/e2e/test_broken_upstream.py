"""An upstream that fails in every way it can: the caller gets one honest end."""

import json
from pathlib import Path

import httpcore
import pytest

from adapters.simulator import Chunking, Fault, Scenario
from adapters.simulator.scenario import Framing
from tests.proxy import KEY, Running, pollux

MODEL = "gemini-3.8-flash"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello to everybody here"}]}
NATIVE = {"contents": [{"role": "user", "parts": [{"text": "Say hello to everybody here"}]}]}


async def post(proxy: Running, path: str, body: object) -> tuple[int, bytes]:
    headers = [("authorization", f"Bearer {KEY}")]
    async with httpcore.AsyncConnectionPool() as pool:
        response = await pool.request("POST", proxy.url + path, headers=headers, content=json.dumps(body).encode())
    return response.status, response.content


async def chat(proxy: Running, **fields: object) -> tuple[int, bytes]:
    return await post(proxy, "/v1/chat/completions", {**CHAT, **fields})


async def native(proxy: Running) -> tuple[int, bytes]:
    return await post(proxy, f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", NATIVE)


@pytest.mark.parametrize("effect", ["eof", "cut", "reset"])
async def test_stream_cut_after_events_ends_in_one_error_event(tmp_path: Path, effect: str) -> None:
    scenario = Scenario(events=6, text="one two three four five six", faults=[Fault(effect, after_events=3)])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        status, body = await chat(proxy, stream=True)
        assert status == 200
        assert b"[DONE]" not in body
        assert body.count(b'"error"') == 1
        assert b'"provider_cut"' in body
        assert b'"finish_reason":"stop"' not in body
        assert body.count(b"one") == 1
        _, body = await native(proxy)
        events = [json.loads(event[6:]) for event in body.decode().split("\r\n\r\n") if event]
        assert "error" in events[-1]
        assert all("error" not in event for event in events[:-1])
        assert len(proxy.google.requests) == 2


@pytest.mark.parametrize("framing", ["data", "bare", "array"])
async def test_error_in_mid_stream_follows_what_came_before_it(tmp_path: Path, framing: Framing) -> None:
    fault = Fault("mid_stream_error", after_events=3, framing=framing)  # a thought and two words
    scenario = Scenario(events=4, text="one two three four", cadence=0.03, faults=[fault])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        _, body = await chat(proxy, stream=True)
        assert b"one" in body
        assert b"two" in body
        assert b"[DONE]" not in body
        assert body.count(b'data: {"error"') == 1


async def test_error_as_first_event_is_retried_and_never_seen(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("first_event_error", error="503", times=1)])
    async with pollux(tmp_path, scenario=scenario, RETRY_429_INTERVAL="0.01") as proxy:
        status, body = await chat(proxy, stream=True)
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n")
        assert len(proxy.google.requests) == 2


@pytest.mark.parametrize(
    ("fault", "status"),
    [("429-per-minute", 429), ("503", 503), ("500", 500), ("html-502", 502), ("400-too-long", 400), ("404", 404)],
)
async def test_early_failure_is_a_status(tmp_path: Path, fault: str, status: int) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault(fault)]), RETRY_429_ENABLED="false") as proxy:
        for stream in (False, True):
            assert (await chat(proxy, stream=stream))[0] == status


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_split_of_upstream_bytes_changes_nothing(tmp_path: Path, size: int) -> None:
    text = "gr\u00fc\u00df dich \u4f60\u597d \U0001f600 \u2028 end"
    async with pollux(tmp_path, scenario=Scenario(text=text, events=4)) as proxy:
        whole = (await native(proxy))[1]
        proxy.google.script(chunking=Chunking("fixed", size))
        split = (await native(proxy))[1]
        _, said = await chat(proxy, stream=True)

    def parts(body: bytes) -> list[object]:
        events = [json.loads(event[6:]) for event in body.decode().split("\r\n\r\n") if event]
        return [[part.get("text") for part in event["candidates"][0]["content"]["parts"]] for event in events]

    assert parts(whole) == parts(split)
    deltas = [json.loads(line[6:]) for line in said.decode().split("\n\n") if line and line != "data: [DONE]"]
    assert "".join(d["choices"][0]["delta"].get("content") or "" for d in deltas if d["choices"]) == text
