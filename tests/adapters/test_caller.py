"""The caller's side of an exchange: documents in pieces, and whether anybody takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from adapters.caller import PIECE, AsgiOutlet, Caller, Outlet

if TYPE_CHECKING:
    from pipeline.exchange import Headers


class Wire:
    """What went out through one kind of outlet. Shape: while `open` is not set, nobody takes anything."""

    def __init__(self) -> None:
        self.heads: list[tuple[int, Headers]] = []
        self.bodies: list[bytes] = []
        self.ended = 0
        self.open = asyncio.Event()
        self.open.set()
        self.gone = asyncio.Event()

    @property
    def outlet(self) -> Outlet:
        raise NotImplementedError


class AsgiWire(Wire):
    """Behind a server that knows nothing but ASGI."""

    @property
    def outlet(self) -> Outlet:
        return AsgiOutlet(self.receive, self.send)

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        if message["type"] == "http.response.start":
            self.heads.append((message["status"], message["headers"]))
        else:
            self.bodies.append(message["body"])
            self.ended += not message.get("more_body", False)


class OwnWire(Wire):
    """Behind an outlet that writes at once, and wants a pause while nobody takes anything."""

    @property
    def outlet(self) -> Outlet:
        return self

    def start(self, status: int, headers: Headers) -> None:
        self.heads.append((status, headers))

    def write(self, data: bytes) -> bool:
        self.bodies.append(data)
        return self.open.is_set()

    def finish(self, data: bytes = b"") -> None:
        self.bodies.append(data)
        self.ended += 1

    async def drained(self) -> None:
        await self.open.wait()

    def tell(self, left: Callable[[], None] | None) -> None:
        if left is not None and self.gone.is_set():
            left()


either = pytest.mark.parametrize("kind", [AsgiWire, OwnWire])


@either
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
async def test_document_arrives_whole_in_pieces(kind: type[Wire], size: int) -> None:
    wire, body = kind(), bytes(range(256)) * (size // 256 + 1)
    await Caller(wire.outlet, [(b"x-request-id", b"7")]).reply(200, [(b"x-a", b"b")], body[:size])
    assert b"".join(wire.bodies) == body[:size]
    assert all(len(piece) <= PIECE for piece in wire.bodies)
    length = (b"content-length", b"%d" % size)
    assert wire.heads == [(200, [(b"x-a", b"b"), (b"x-request-id", b"7"), length])]
    assert wire.ended == 1


@either
async def test_stream_opens_before_its_first_piece_and_ends_once(kind: type[Wire]) -> None:
    wire = kind()
    caller = Caller(wire.outlet, [(b"x-request-id", b"7")])
    await caller.open(200, [])
    assert caller.opened
    assert wire.heads == [(200, [(b"x-request-id", b"7")])]
    for piece in (b"a", b"b"):
        await caller.send(piece)
    if not caller.write(b"c"):
        await caller.drained()
    assert b"".join(wire.bodies) == b"abc"
    assert not wire.ended
    await caller.end()
    assert (b"".join(wire.bodies), wire.ended) == (b"abc", 1)


@either
async def test_caller_that_takes_nothing_is_stalled_since_it_was_first_seen_so(kind: type[Wire]) -> None:
    wire = kind()
    caller = Caller(wire.outlet, [])
    wire.open.clear()
    sending = asyncio.create_task(caller.send(b"x"))
    await asyncio.sleep(0)
    assert [caller.stalled(now) for now in (10.0, 11.0, 12.0)] == [0.0, 1.0, 2.0]
    wire.open.set()
    await sending
    assert [caller.stalled(now) for now in (13.0, 14.0)] == [0.0, 0.0]


@either
async def test_caller_that_takes_something_now_and_then_is_not_stalled(kind: type[Wire]) -> None:
    caller = Caller(kind().outlet, [])
    for now in range(100):
        caller._began += 1  # one piece is always on its way
        assert caller.stalled(float(now)) == 0.0
        caller._ended += 1


@either
@pytest.mark.parametrize("before", [True, False])
async def test_caller_that_leaves_ends_what_is_done_for_it_when_that_is_watched(kind: type[Wire], before: bool) -> None:
    wire = kind()
    caller = Caller(wire.outlet, [])
    task = asyncio.create_task(asyncio.sleep(30))
    if before:
        caller.watch(task)
        caller.unwatch()
        wire.gone.set()
        await asyncio.sleep(0.01)
        assert (caller.left, task.done()) == (False, False)
    wire.gone.set()
    caller.watch(task)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert caller.left
    caller.unwatch()
    await asyncio.sleep(0)


class Picky(OwnWire):
    """An outlet that refuses a header, as one does that would split the answer."""

    def start(self, status: int, headers: Headers) -> None:
        if any(b"\n" in value for _, value in headers):
            raise ValueError
        super().start(status, headers)


@pytest.mark.parametrize("whole", [True, False])
async def test_answer_whose_head_is_refused_has_not_begun(whole: bool) -> None:
    wire = Picky()
    caller = Caller(wire, [])
    with pytest.raises(ValueError):  # noqa: PT011 - it has nothing to say
        await (caller.reply(200, [(b"x", b"\n")], b"") if whole else caller.open(200, [(b"x", b"\n")]))
    assert not caller.opened
    await caller.reply(500, [], b"defect")
    assert (wire.heads[0][0], wire.bodies) == (500, [b"defect"])
