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
