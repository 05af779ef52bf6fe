"""The caller's side of an exchange: documents in pieces, and whether anybody takes them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.caller import PIECE, Caller


class Wire:
    """What went out. Shape: while `shut`, nobody takes anything."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        if message["type"] == "http.response.body":
            self.bodies.append(message["body"])


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
async def test_document_arrives_whole_in_pieces(size: int) -> None:
    wire, body = Wire(), bytes(range(256)) * (size // 256 + 1)
    await Caller(wire.send, []).reply(200, [], body[:size])
    assert b"".join(wire.bodies) == body[:size]
    assert all(len(piece) <= PIECE for piece in wire.bodies)


async def test_caller_that_takes_nothing_is_stalled_since_it_was_first_seen_so() -> None:
    wire = Wire()
    caller = Caller(wire.send, [])
    wire.open.clear()
    sending = asyncio.create_task(caller.send(b"x"))
    await asyncio.sleep(0)
    assert [caller.stalled(now) for now in (10.0, 11.0, 12.0)] == [0.0, 1.0, 2.0]
    wire.open.set()
    await sending
    assert [caller.stalled(now) for now in (13.0, 14.0)] == [0.0, 0.0]


async def test_caller_that_takes_something_now_and_then_is_not_stalled() -> None:
    caller = Caller(Wire().send, [])
    for now in range(100):
        caller._began += 1  # one piece is always on its way
        assert caller.stalled(float(now)) == 0.0
        caller._ended += 1
