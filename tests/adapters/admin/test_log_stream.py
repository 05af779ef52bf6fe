"""Log lines over a WebSocket: to sessions only, and without holding up a shutdown (seed defects 9, 30)."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.adapters.admin.visitor import PANEL, visiting
from tests.proxy import KEY

LINES = '{"level":"info","event":"before"}\n{"level":"error","event":"broken"}\n'


def place(visitor, path="/api/v1/logs/stream"):
    return visitor.running.url.replace("http", "ws") + path


@pytest.mark.parametrize("path", ["/api/v1/logs/stream", "/auth/logs/stream"])
async def test_stream_is_refused_without_a_session(tmp_path, path):
    async with visiting(tmp_path) as visitor:
        cookie = await visitor.session()
        for headers, query in (
            ({}, ""),
            ({}, f"?token={PANEL}"),
            ({"authorization": f"Bearer {KEY}"}, ""),
            ({**cookie, "origin": "https://elsewhere.example"}, ""),
            (cookie, ""),
        ):
            with pytest.raises(InvalidStatus):
                async with connect(place(visitor, path) + query, additional_headers=headers):
                    pass


async def test_stream_begins_with_the_latest_lines_and_follows(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(LINES)
    async with visiting(tmp_path, LOG_FILE=str(log)) as visitor:
        token = (await visitor.ask("POST", "/auth/login", {"password": PANEL}, headers={})).document["token"]
        async with connect(place(visitor, f"/auth/logs/stream?token={token}&level=error")) as socket:
            assert "broken" in await socket.recv()
            with log.open("a") as file:
                file.write('{"level":"info","event":"quiet"}\n{"level":"error","event":"loud"}\n')
            async with asyncio.timeout(5):
                assert "loud" in await socket.recv()


async def test_browser_of_the_same_origin_is_let_in_by_its_cookie(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(LINES)
    async with visiting(tmp_path, LOG_FILE=str(log)) as visitor:
        headers = {**await visitor.session(), "origin": visitor.running.url}
        async with connect(place(visitor), additional_headers=headers) as socket:
            assert "before" in await socket.recv()


async def test_stream_ends_when_the_house_closes(tmp_path):
    began = 0.0
    async with visiting(tmp_path) as visitor:
        headers = {"authorization": f"Bearer {PANEL}"}
        socket = await connect(place(visitor), additional_headers=headers)
        began = time.monotonic()
        visitor.running.stop.set()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert time.monotonic() - began < 5
