"""A caller that leaves: upstream is closed within 100 ms, in every phase, and nothing is started for it any more."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.simulator import Fault, Scenario
from tests.proxy import KEY, Running, pollux

SOON = 0.1
"""Seconds within which upstream must be let go of; doubled below because the machines that test are shared."""

CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}


async def ask(proxy: Running, **fields: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a chat request on a connection of its own."""
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({**CHAT, **fields}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


async def leave(proxy: Running, writer: asyncio.StreamWriter) -> float:
    """Close the connection; return how long upstream still was held."""
    left = asyncio.get_running_loop().time()
    writer.close()
    await proxy.google.wait_closed(1, within=2)
    closed = [entry.closed for entry in proxy.google.requests if entry.closed is not None]
    return closed[-1] - left


@pytest.mark.parametrize("stream", [False, True])
async def test_caller_gone_before_first_byte_closes_upstream(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("stall")])) as proxy:
        _, writer = await ask(proxy, stream=stream)
        await proxy.google.wait_requests(1)
        assert await leave(proxy, writer) < 2 * SOON
        await asyncio.sleep(0.2)
        assert len(proxy.google.requests) == 1


async def test_caller_gone_mid_stream_closes_upstream(tmp_path: Path) -> None:
    scenario = Scenario(events=100, text="word " * 100, cadence=0.05)
    async with pollux(tmp_path, scenario=scenario) as proxy:
        reader, writer = await ask(proxy, stream=True)
        await reader.readuntil(b'"content":"word')
        assert await leave(proxy, writer) < 2 * SOON


async def test_caller_gone_during_unary_body_closes_upstream(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("drip", seconds=0.05)])) as proxy:
        _, writer = await ask(proxy)
        await proxy.google.wait_requests(1)
        await asyncio.sleep(0.2)
        assert await leave(proxy, writer) < 2 * SOON


async def test_caller_gone_in_retry_pause_starts_nothing_more(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("503")])) as proxy:
        _, writer = await ask(proxy)
        await proxy.google.wait_requests(1)
        await asyncio.sleep(0.1)
        writer.close()
        seen = len(proxy.google.requests)
        await asyncio.sleep(1.5)
        assert len(proxy.google.requests) == seen
        assert not proxy.house.app.exchanges()


async def test_caller_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("stall")])) as proxy:
        for _ in range(10):
            _, writer = await ask(proxy, stream=True)
            await asyncio.sleep(0.02)
            writer.close()
        await proxy.google.wait_connections(0)
        assert not proxy.house.app.exchanges()
        assert all(unit.active == 0 for unit in proxy.house.pool.snapshot())
