"""What the replaced systems did wrong on the way of a whole request, and what happens here instead, by its number."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpcore

from adapters.simulator import Fault, Scenario
from tests.proxy import CODE_ASSIST, KEY, Running, pollux

MODEL = "gemini-3.8-flash"
SAID = "a secret plan"
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": SAID}]}
NATIVE: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": SAID}]}]}
BEARER = (b"authorization", f"Bearer {KEY}".encode())
OURS = {
    *(b"content-type", b"content-length", b"transfer-encoding", b"cache-control", b"x-accel-buffering"),
    *(b"x-request-id", b"date", b"server", b"connection"),
}
"""The headers that an answer may have."""

SOON = 0.25
"""Seconds in which what waits for nobody is answered; generous, because the machines that test are shared."""


async def send(
    proxy: Running, path: str, body: dict[str, Any] | bytes = b"", *headers: tuple[bytes, bytes]
) -> httpcore.Response:
    """Send one request on a connection of its own: GET where there is no body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with httpcore.AsyncConnectionPool() as pool:
        method = "POST" if content else "GET"
        return await pool.request(method, proxy.url + path, headers=[BEARER, *headers], content=content)


async def chat(proxy: Running, **fields: Any) -> httpcore.Response:
    return await send(proxy, "/v1/chat/completions", {**CHAT, **fields})


async def native(proxy: Running, method: str, **fields: Any) -> httpcore.Response:
    return await send(proxy, f"/v1beta/models/{MODEL}:{method}", {**NATIVE, **fields})


async def raw(proxy: Running, *pieces: bytes) -> bytes:
    """Send these bytes and return all that comes back until the connection is closed."""
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_head_that_does_not_come_is_cut_and_body_that_does_not_come_is_408(tmp_path: Path) -> None:
    """Seed #17."""
    config = "[server]\nidle_timeout = 0.3\nbody_timeout = 0.3\n"
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    async with pollux(tmp_path, config=config) as proxy:
        assert await raw(proxy, head) == b""
        answer = await raw(proxy, head, b"content-length: 100\r\n\r\n", b'{"model": ')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"error"' in answer


async def test_requests_one_after_another_share_one_connection(tmp_path: Path) -> None:
    """Seeds #18 and #39: each call had a client, a connection and a TLS context of its own."""
    async with pollux(tmp_path) as proxy:
        for _ in range(10):
            assert (await chat(proxy)).status == 200
        assert proxy.google.open_connections == 1


async def test_token_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    """Seed #22: the whole process waited while one token was renewed."""
    scenario = Scenario(refresh_latency=1.0)
    async with pollux(tmp_path, scenario=scenario, credentials={"a.json": CODE_ASSIST}, keys="") as proxy:
        asking = asyncio.create_task(chat(proxy))
        await proxy.google.wait_requests(1)
        longest = 0.0
        while not asking.done():
            began = time.monotonic()
            assert (await send(proxy, "/health")).status == 200
            longest = max(longest, time.monotonic() - began)
        assert (await asking).status == 200
    assert longest < SOON


async def test_refused_body_is_not_echoed(tmp_path: Path) -> None:
    """Seed #43: a body of the wrong type came back whole in the refusal."""
    async with pollux(tmp_path) as proxy:
        refused = await chat(proxy, messages=SAID)
        assert (refused.status, SAID.encode() in refused.content) == (400, False)


async def test_model_that_google_does_not_have_is_404_and_never_another(tmp_path: Path) -> None:
    """Seed #44."""
    async with pollux(tmp_path) as proxy:
        refused = await chat(proxy, model="gpt-4")
        assert (refused.status, b"gpt-4" in refused.content) == (404, True)


async def test_native_answer_is_googles_body_and_none_of_its_headers(tmp_path: Path) -> None:
    """Seed #45."""
    async with pollux(tmp_path) as proxy:
        stream = await native(proxy, "streamGenerateContent?alt=sse")
        document = await native(proxy, "generateContent")
    assert b"[DONE]" not in stream.content
    for answer in (stream, document):
        assert {name.lower() for name, _ in answer.headers} <= OURS


async def test_fields_of_both_sides_pass_whole(tmp_path: Path) -> None:
    """Seeds #47 and #48: tools and settings were lost on the way up, unknown fields and big numbers on the way down."""
    said: dict[str, Any] = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "hi", "madeUp": [9007199254740993]}]},
                "finishReason": "STOP",
                "index": 0,
                "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
                "madeUp": {"a": None},
            }
        ],
        "usageMetadata": {"totalTokenCount": 3, "thoughtsTokenCount": 1},
        "modelVersion": MODEL,
        "responseId": "made-up",
        "madeUp": 18446744073709551615,
    }
    asked: dict[str, Any] = {
        "generationConfig": {"temperature": 0, "topK": 1, "seed": 7, "candidateCount": 1},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    }
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("events", events=[said])])) as proxy:
        document = json.loads((await native(proxy, "generateContent", **asked)).content)
        stream = (await native(proxy, "streamGenerateContent?alt=sse", **asked)).content
        bodies = [entry.body for entry in proxy.google.requests]
    assert document == said
    assert json.loads(stream.removeprefix(b"data: ")) == said
    assert bodies == [{**NATIVE, **asked}] * 2


async def test_key_out_of_quota_is_followed_by_another_out_of_the_box(tmp_path: Path) -> None:
    """Seed #49: the number of retries had no default."""
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("429-per-minute", times=1)])) as proxy:
        assert (await chat(proxy)).status == 200
        assert len({entry.headers["x-goog-api-key"] for entry in proxy.google.requests}) == 2


async def test_event_of_twenty_mebibytes_passes_on_both_faces(tmp_path: Path) -> None:
    """Seed #50: a line over 1 MiB broke the stream."""
    text = "x" * (20 * 1024 * 1024)
    async with pollux(tmp_path, scenario=Scenario(text=text, events=1)) as proxy:
        for stream in (await chat(proxy, stream=True), await native(proxy, "streamGenerateContent?alt=sse")):
            assert text.encode() in stream.content


async def test_full_queue_does_not_concern_health(tmp_path: Path) -> None:
    """Seed #55."""
    faults = [Fault("stall", path="enerateContent")]
    limits: dict[str, Any] = {"QUEUE_MAX_CONCURRENCY": "1", "QUEUE_MAX_WAIT_MS": "1"}
    async with pollux(tmp_path, scenario=Scenario(faults=faults), **limits) as proxy:
        asking = asyncio.create_task(chat(proxy))
        await proxy.google.wait_requests(1)
        assert (await chat(proxy)).status == 429
        began = time.monotonic()
        assert (await send(proxy, "/health")).status == 200
        assert time.monotonic() - began < SOON
        asking.cancel()


async def test_pages_of_others_may_not_call_unasked(tmp_path: Path) -> None:
    """Seeds #31 and #73: any page in a browser could."""
    origin = (b"origin", b"https://elsewhere.example")
    async with pollux(tmp_path) as proxy:
        answer = await send(proxy, "/v1/models", b"", origin)
        assert not [name for name, _ in answer.headers if name.lower().startswith(b"access-control-")]
