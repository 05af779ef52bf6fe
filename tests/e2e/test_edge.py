"""What callers meet at the edge: odd paths, wrong methods, and a proxy that stops."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpcore
import pytest

from tests.proxy import KEY, Running, pollux

HEADERS = [("authorization", f"Bearer {KEY}")]
CHAT = json.dumps({"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}).encode()


def port_of(proxy: Running) -> int:
    return int(proxy.url.rpartition(":")[2])


@pytest.mark.parametrize("path", ["//v1/chat/completions", "/v1//chat/completions", "///v1/v1//chat/completions"])
async def test_path_behind_a_base_url_that_ends_in_a_slash_is_understood(tmp_path: Path, path: str) -> None:
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        url = httpcore.URL(scheme="http", host="127.0.0.1", port=port_of(proxy), target=path)
        assert (await pool.request("POST", url, headers=HEADERS, content=CHAT)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("GET", "/v1/responses", "POST"),
        ("DELETE", "/v1/messages", "POST"),
        ("PUT", "/v1/embeddings", "POST"),
        ("GET", "/v1/images/generations", "POST"),
        ("POST", "/v1/models", "GET"),
        ("GET", "/v1beta/models/gemini-3.8-flash:generateContent", "POST"),
    ],
)
async def test_wrong_method_is_told_the_right_one(tmp_path: Path, method: str, path: str, allowed: str) -> None:
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        reply = await pool.request(method, proxy.url + path, headers=HEADERS)
    assert reply.status == 405
    assert (b"allow", allowed.encode()) in reply.headers
    assert f"This path takes {allowed}, not {method}." in reply.content.decode()


async def test_who_asks_in_the_moment_of_the_stop_is_answered_yet(tmp_path: Path) -> None:
    """A restart that callers do not notice: who was let in is not sent away again."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"
    asking = f"{head}content-length: {len(CHAT)}\r\n\r\n".encode() + CHAT
    async with pollux(tmp_path) as proxy:
        callers = [await asyncio.open_connection("127.0.0.1", port_of(proxy)) for _ in range(20)]
        for _, writer in callers:
            writer.write(asking)
        proxy.stop.set()
        async with asyncio.timeout(10):
            answers = [await reader.read() for reader, _ in callers]
        for _, writer in callers:
            writer.close()
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 20
