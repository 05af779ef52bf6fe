"""The benchmark's upstream: prebuilt answers, in order, at their pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from adapters.simulator import Scenario
from adapters.simulator.canned import start

UNARY = b"POST /v1beta/models/m:generateContent HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\n\r\n{}"
STREAM = UNARY.replace(b":generateContent", b":streamGenerateContent?alt=sse")
Exchange = Callable[[float, list[bytes], int], Awaitable[bytes]]


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """Send the pieces with a turn of the loop between them; read until the answer has so many ends."""
    servers: list[asyncio.Server] = []

    async def run(cadence: float, sent: list[bytes], ends: int) -> bytes:
        server = await start("127.0.0.1", 0, Scenario(cadence=cadence, events=4, text="word"))
        servers.append(server)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        received = b""
        for piece in sent:
            writer.write(piece)
            await asyncio.sleep(0.001)
        while received.count(b'"STOP"') < ends or not received.endswith((b"}", b"0\r\n\r\n")):
            received += await asyncio.wait_for(reader.read(65536), 2)
        writer.close()
        await writer.wait_closed()
        return received

    yield run
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("cadence", [0.0, 0.005])
async def test_pipelined_requests_are_answered_in_order(exchange, cadence):
    received = await exchange(cadence, [UNARY + STREAM + UNARY], 3)
    kinds = [line for line in received.split(b"\r\n") if line.startswith(b"content-type")]
    assert [b"json" in kind for kind in kinds] == [True, False, True]
    assert received.count(b"data: ") == 4


async def test_split_request_is_put_together(exchange):
    received = await exchange(0.0, [UNARY[i : i + 9] for i in range(0, len(UNARY), 9)], 1)
    assert received.startswith(b"HTTP/1.1 200 OK")


async def test_stream_keeps_its_cadence(exchange):
    started = time.monotonic()
    await exchange(0.02, [STREAM], 1)
    assert 0.06 <= time.monotonic() - started < 0.5


async def test_code_assist_is_wrapped_and_gets_a_token(exchange):
    token = b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    wrapped = UNARY.replace(b"/v1beta/models/m:", b"/v1internal:")
    received = await exchange(0.0, [token + wrapped], 1)
    assert b'"access_token"' in received
    assert b'{"response":' in received
