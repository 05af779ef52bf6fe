"""A caller that leaves: upstream is closed within 100 ms, in every phase, and nothing is started for it any more."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.simulator import Fault, Scenario
from tests.proxy import KEY, Running, pollux

SOON = 0.1
"""Seconds within which everything must be let go of."""
ROUNDS = 3
"""The quickest counts: the machines that test are shared, and what holds up a whole process is not what is measured."""

CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}
STALL = Scenario(faults=[Fault("stall")])

Caller = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Phase = Callable[[Running], Awaitable[Caller]]


async def ask(proxy: Running, **fields: object) -> Caller:
    """Send a chat request on a connection of its own, and wait until upstream has it."""
    caller = await say(proxy, **fields)
    await proxy.google.wait_requests(len(proxy.google.requests) + 1)
    return caller


async def say(proxy: Running, **fields: object) -> Caller:
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({**CHAT, **fields}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


async def nothing_held(proxy: Running) -> None:
    """Wait until no exchange is under way and upstream has no open request."""
    while proxy.house.app.exchanges() or proxy.google.active:
        await asyncio.sleep(0.001)


async def seconds_held(proxy: Running, phase: Phase) -> float:
    """Leave in that phase some times; return for how long something was still held, at best."""
    held = []
    loop = asyncio.get_running_loop()
    for _ in range(ROUNDS):
        _, writer = await phase(proxy)
        left = loop.time()
        writer.close()
        async with asyncio.timeout(5):
            await nothing_held(proxy)
        held.append(loop.time() - left)
    return min(held)


@pytest.mark.parametrize("stream", [False, True])
async def test_caller_gone_before_first_byte_closes_upstream(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path, scenario=STALL) as proxy:
        assert await seconds_held(proxy, lambda proxy: ask(proxy, stream=stream)) < SOON
        await asyncio.sleep(0.2)
        assert len(proxy.google.requests) == ROUNDS


async def test_caller_gone_mid_stream_closes_upstream(tmp_path: Path) -> None:
    async def mid_stream(proxy: Running) -> Caller:
        reader, writer = await ask(proxy, stream=True)
        await reader.readuntil(b'"content":"word')
        return reader, writer

    scenario = Scenario(events=100, text="word " * 100, cadence=0.05)
    async with pollux(tmp_path, scenario=scenario) as proxy:
        assert await seconds_held(proxy, mid_stream) < SOON


async def test_caller_gone_during_unary_body_closes_upstream(tmp_path: Path) -> None:
    async def mid_body(proxy: Running) -> Caller:
        caller = await ask(proxy)
        await asyncio.sleep(0.2)
        return caller

    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("drip", seconds=0.05)])) as proxy:
        assert await seconds_held(proxy, mid_body) < SOON


async def test_caller_gone_in_retry_pause_starts_nothing_more(tmp_path: Path) -> None:
    async def pausing(proxy: Running) -> Caller:
        caller = await ask(proxy)
        await proxy.google.wait_idle()
        await asyncio.sleep(0.05)
        assert proxy.house.app.exchanges()
        return caller

    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("500")])) as proxy:
        assert await seconds_held(proxy, pausing) < SOON
        await asyncio.sleep(1.5)
        assert len(proxy.google.requests) == ROUNDS


async def test_caller_gone_while_queued_leaves_at_once(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=STALL, QUEUE_MAX_CONCURRENCY="1") as proxy:
        _, first = await ask(proxy)
        held = []
        for _ in range(ROUNDS):
            _, writer = await say(proxy)
            async with asyncio.timeout(5):
                while len(proxy.house.app.exchanges()) < 2:
                    await asyncio.sleep(0.001)
                left = asyncio.get_running_loop().time()
                writer.close()
                while len(proxy.house.app.exchanges()) > 1:
                    await asyncio.sleep(0.001)
            held.append(asyncio.get_running_loop().time() - left)
        assert min(held) < SOON
        assert len(proxy.google.requests) == 1
        first.close()


async def test_caller_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=STALL) as proxy:
        for _ in range(10):
            _, writer = await say(proxy, stream=True)
            await asyncio.sleep(0.02)
            writer.close()
        await proxy.google.wait_connections(0)
        assert not proxy.house.app.exchanges()
        assert all(unit.active == 0 for unit in proxy.house.pool.snapshot())
