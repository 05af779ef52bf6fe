"""A fake stream shows life at once, and then all of the answer (seed defects #29 and #63, T17)."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpcore
import pytest

from adapters.simulator import Fault, Scenario
from pipeline.stages.fake_stream import pieces
from tests.pipeline.stages.callers import SEARCH, chat, generations, native
from tests.proxy import KEY, pollux

MODEL = "gemini-3.8-flash"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
LONG = "One two three. " * 30


@pytest.mark.parametrize("name", [f"fake/{MODEL}", f"假流式/{MODEL}", f"{MODEL}-假流式-search"])
async def test_answer_comes_in_pieces_thoughts_first_usage_kept(tmp_path: Path, name: str) -> None:
    async with pollux(tmp_path, scenario=Scenario(text=LONG)) as proxy:
        heard = await chat(proxy, name)
        assert (heard.text, heard.finishes, heard.kinds) == (LONG, ["stop"], ["thought", "text"])
        assert heard.raw.count('"content":"') > 5
        assert heard.raw.endswith("data: [DONE]\n\n")
        assert heard.usage["completion_tokens"] > 50
        thinking: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
        heard = await native(proxy, name, **thinking)
        assert (heard.text, heard.finishes, heard.kinds) == (LONG, ["STOP"], ["thought", "text"])
        assert heard.usage["totalTokenCount"] > 50
        assert "thoughtSignature" in heard.raw
    assert all("stream" not in entry.path for entry in proxy.google.requests)


async def test_tool_calls_are_kept_on_both_faces(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        heard = await chat(proxy, f"fake/{MODEL}", 'call look_up {"a": 1}', tools=[TOOL])
        assert heard.finishes == ["tool_calls"]
        assert [(call["index"], call["function"]) for call in heard.calls] == [
            (0, {"name": "look_up", "arguments": '{"a":1}'})
        ]
        heard = await native(proxy, f"fake/{MODEL}", 'call look_up {"a": 1}', tools=[SEARCH])
        assert [call["args"] for call in heard.calls] == [{"a": 1}]
        assert heard.finishes == ["STOP"]


@pytest.mark.parametrize(
    ("path", "beat"),
    [
        ("/v1/chat/completions", b": keep-alive\n\n"),
        (f"/v1beta/models/fake/{MODEL}:streamGenerateContent?alt=sse", b"\r\n"),
    ],
)
async def test_heartbeats_come_at_once_and_while_google_is_silent(tmp_path: Path, path: str, beat: bytes) -> None:
    config = _with("fake-stream", "heartbeat = 0.05")
    body = {"model": f"fake/{MODEL}", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    body = {"contents": [{"parts": [{"text": "Hello"}]}]} if "v1beta" in path else body
    async with (
        pollux(tmp_path, config=config, scenario=Scenario(latency=0.5)) as proxy,
        httpcore.AsyncConnectionPool() as pool,
    ):
        started, heard, first = time.monotonic(), b"", 0.0
        headers = [("authorization", f"Bearer {KEY}")]
        async with pool.stream("POST", proxy.url + path, headers=headers, content=json.dumps(body).encode()) as reply:
            async for data in reply.aiter_stream():
                first = first or time.monotonic() - started
                heard += data
    assert first < 0.4
    beats = heard[: heard.index(b"data:")]
    assert beats == beat * (len(beats) // len(beat))
    assert len(beats) // len(beat) >= 4
    assert b"Hello" in heard


async def test_failure_after_heartbeats_is_one_error_event(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("400")])) as proxy:
        heard = await chat(proxy, f"fake/{MODEL}")
        assert (heard.status, len(heard.errors), heard.finishes) == (200, 1, [])
        assert "[DONE]" not in heard.raw


async def test_unary_request_is_answered_as_ever(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        heard = await chat(proxy, f"fake/{MODEL}", stream=False)
        assert heard.text == "You said: Tell me a story"


async def test_caller_who_leaves_ends_the_call(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("stall")])) as proxy:
        asking = asyncio.create_task(chat(proxy, f"fake/{MODEL}"))
        await proxy.google.wait_requests(1)
        asking.cancel()
        await proxy.google.wait_closed(1, within=0.5)


async def test_fake_stream_of_a_continued_answer_is_whole(tmp_path: Path) -> None:
    faults = [Fault("events", times=1, events=[_truncated("Once upon a time there")])]
    async with pollux(tmp_path, scenario=Scenario(text=" was a fox.", faults=faults)) as proxy:
        heard = await chat(proxy, f"fake/anti-truncation/{MODEL}")
        assert (heard.text, heard.finishes) == ("Once upon a time there was a fox.", ["stop"])
        assert len(generations(proxy)) == 2


def test_pieces_lose_and_repeat_nothing() -> None:
    text = {"text": "x" * 130, "thoughtSignature": "signed"}
    parts = [{"text": "a" * 70}, {"text": "thought", "thought": True}, {"functionCall": {"name": "f"}}, text]
    chunk: dict[str, Any] = {
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "avgLogprobs": -1}],
        "usageMetadata": {"totalTokenCount": 3},
        "responseId": "r",
    }
    events = list(pieces(chunk, 60))
    told = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    assert told == [
        {"text": "thought", "thought": True},
        {"text": "a" * 60},
        {"text": "a" * 10},
        {"functionCall": {"name": "f"}},
        *({"text": "x" * size} for size in (60, 60, 10)),
        {"text": "", "thoughtSignature": "signed"},
    ]
    assert [event["candidates"][0].get("finishReason") for event in events] == [None] * 8 + ["STOP"]
    assert [event.get("usageMetadata") for event in events] == [None] * 8 + [{"totalTokenCount": 3}]
    assert list(pieces({"promptFeedback": {"blockReason": "SAFETY"}}, 60)) == [
        {"promptFeedback": {"blockReason": "SAFETY"}}
    ]


def _with(stage: str, options: str) -> str:
    order = ("auth", "format", "model-suffix", "anti-truncation", "fake-stream", "credential", "upstream", "transform")
    return "".join(f'[[pipeline]]\nstage = "{name}"\n' + f"{options}\n" * (name == stage) for name in order)


def _truncated(text: str) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "MAX_TOKENS", "index": 0}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 9}}
