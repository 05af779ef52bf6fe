"""A caller that does not read what it asked for is cut, and holds nothing open; one that reads slowly is served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path

import httpcore
import pytest

from adapters.simulator import Scenario
from tests.proxy import KEY, Running, pollux

TIMEOUT = 1.0
CONFIG = f"[server]\nsend_timeout = {TIMEOUT}\n"
LONG = "word " * 2_000_000


async def ask(it: Running, *, stream: bool) -> socket.socket:
    """Send a request on a socket of which nothing is read."""
    async with httpcore.AsyncConnectionPool() as pool:
        await pool.request("GET", f"{it.url}/livez")  # connections made before anybody serves are not bounded yet
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", int(it.url.rpartition(":")[2])))
    body = json.dumps({"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "x"}], "stream": stream})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    await loop.sock_sendall(caller, f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
    return caller


async def read(caller: socket.socket, size: int = 65_536) -> bytes:
    return await asyncio.get_running_loop().sock_recv(caller, size)


async def read_all(caller: socket.socket) -> None:
    while await read(caller):
        pass


async def until_gone(it: Running, seconds: float) -> None:
    for _ in range(int(seconds / 0.05)):
        if not it.house.app.exchanges():
            return
        await asyncio.sleep(0.05)
    pytest.fail("the request is still there")


@pytest.mark.parametrize("stream", [True, False])
async def test_caller_that_reads_nothing_is_cut(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path, scenario=Scenario(text=LONG, events=200), config=CONFIG) as it:
        caller = await ask(it, stream=stream)
        await it.google.wait_requests(1)
        await until_gone(it, TIMEOUT + 4)
        await it.google.wait_idle()
        # The kernel drops what it still held for this caller, and the connection with it.
        await asyncio.sleep(3 * TIMEOUT)
        with pytest.raises(ConnectionResetError):
            await read_all(caller)
        caller.close()


async def test_caller_that_reads_slowly_gets_everything(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(text="word " * 400_000, events=20), config=CONFIG) as it:
        caller = await ask(it, stream=True)
        received = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * TIMEOUT):  # longer than anybody may be silent
                while True:
                    received += await read(caller)
                    await asyncio.sleep(0.2)
        while not received.endswith(b"0\r\n\r\n"):
            received += await read(caller, 1 << 20)
        assert b"data: [DONE]" in received
        caller.close()


async def test_patience_that_a_reload_grants_holds_for_the_kernel_too(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(text=LONG, events=200), config=CONFIG) as it:
        (tmp_path / "proxy.toml").write_text("[server]\nsend_timeout = 1e10\n", encoding="utf-8")
        assert (await it.house.reloader.reload()).changed == ["server.send_timeout"]
        caller = await ask(it, stream=True)
        await it.google.wait_requests(1)
        await asyncio.sleep(4 * TIMEOUT)
        assert await read(caller)
        await read_all_of_stream(caller)
        caller.close()


async def read_all_of_stream(caller: socket.socket) -> None:
    received = b""
    while not received.endswith(b"0\r\n\r\n"):
        piece = await read(caller, 1 << 20)
        assert piece
        received = received[-5:] + piece


async def test_caller_that_takes_no_heartbeat_either_leaves_nothing_taken(tmp_path: Path) -> None:
    config = f"{CONFIG}heartbeat = 0.2\n"
    scenario = Scenario(text=LONG, events=200)
    async with pollux(
        tmp_path, scenario=scenario, config=config, QUEUE_MAX_CONCURRENCY="1", QUEUE_MAX_WAIT_MS="50"
    ) as it:
        caller = await ask(it, stream=True)
        reading = asyncio.create_task(drip(caller))
        await it.google.wait_requests(1)
        await until_gone(it, 2 * TIMEOUT + 1)
        await it.google.wait_idle()
        reading.cancel()
        it.google.script(text="word", events=1)
        next_one = await ask(it, stream=False)
        assert (await read(next_one)).startswith(b"HTTP/1.1 200")
        next_one.close()
        caller.close()


async def drip(caller: socket.socket) -> None:
    """Read so much that the kernel takes the connection for alive, and so little that nothing more can be sent."""
    while True:
        await read(caller, 1024)
        await asyncio.sleep(0.1)
