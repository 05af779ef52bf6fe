"""Connections that are not plain are hypercorn's, and its callers see no seam."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
import uvloop
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Pong, Request, TextMessage

from adapters.serving.turn import TURN
from tests.adapters.peer import scenarios
from tests.adapters.serving.site import GET, POST, Visitor, echo, say, site

CHUNKED = b"POST /chunked HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


async def talking(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo what is said on a WebSocket, and what is asked otherwise."""
    if scope["type"] != "websocket":
        await echo(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})


async def events_of(visitor: Visitor, socket: WSConnection) -> list[Event]:
    """Return what comes next on a WebSocket."""
    async with asyncio.timeout(2):
        while True:
            socket.receive_data(await visitor.reader.read(65536))
            if events := list(socket.events()):
                return events


@pytest.mark.parametrize("after", [0, 2])
async def test_websocket_works_on_a_fresh_connection_and_after_plain_requests(after):
    async with site(talking) as it, it.visitor() as visitor:
        for _ in range(after):
            await visitor.send(GET % b"plain")
            assert (await visitor.answer()).body == b"GET /plain? "
        socket = WSConnection(ConnectionType.CLIENT)
        await visitor.send(socket.send(Request(host="pollux.example", target="/socket")))
        assert isinstance((await events_of(visitor, socket))[0], AcceptConnection)
        for text in ("hello", "again"):
            await visitor.send(socket.send(Message(data=text)))
            assert await events_of(visitor, socket) == [TextMessage(data=text.upper())]
        await visitor.send(socket.send(Ping(b"?")))
        assert await events_of(visitor, socket) == [Pong(b"?")]
        await visitor.send(socket.send(CloseConnection(1000)))
        assert isinstance((await events_of(visitor, socket))[0], CloseConnection)
        assert await visitor.rest() == b""


async def test_http2_with_prior_knowledge_works():
    async with site(echo) as it, it.visitor() as visitor:
        caller = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        caller.initiate_connection()
        head = [(":method", "POST"), (":path", "/two"), (":scheme", "http"), (":authority", "pollux.example")]
        for stream in (1, 3):
            caller.send_headers(stream, head)
            caller.send_data(stream, b"%d" % stream, end_stream=True)
        await visitor.send(caller.data_to_send())
        bodies: dict[int, bytes] = {1: b"", 3: b""}
        ended = 0
        async with asyncio.timeout(2):
            while ended < 2:
                for event in caller.receive_data(await visitor.reader.read(65536)):
                    if isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] += event.data
                    ended += isinstance(event, h2.events.StreamEnded)
        assert bodies == {1: b"POST /two? 1", 3: b"POST /two? 3"}


@pytest.mark.parametrize(
    "request_",
    [
        CHUNKED,
        b"POST /expect HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
        b"POST /te HTTP/1.1\r\nhost: a\r\nte: trailers\r\ncontent-length: 3\r\n\r\nabc",
    ],
)
async def test_connection_that_began_plain_is_handed_over_and_stays_usable(request_):
    path = request_.split()[1]
    async with site(echo) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"plain", 2, b"{}"))
        assert (await visitor.answer()).body == b"POST /plain? {}"
        assert len(it.server._connections) == 1
        for _ in range(3):
            await visitor.send(request_)
            assert (await visitor.answer("POST")).body == b"POST %b? abc" % path
        assert (len(it.server._connections), len(it.handover._tasks)) == (0, 1)
        await visitor.send(GET % b"plain-again")
        assert (await visitor.answer()).body == b"GET /plain-again? "


async def test_request_that_is_not_plain_waits_for_the_answers_before_it():
    async def app(scope, receive, send):
        if TURN in scope["extensions"]:
            await asyncio.sleep(0.03)
        await echo(scope, receive, send)

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"1" + POST % (b"2", 1, b"x") + CHUNKED + GET % b"4")
        bodies = [(await visitor.answer()).body for _ in range(4)]
        assert bodies == [b"GET /1? ", b"POST /2? x", b"POST /chunked? abc", b"GET /4? "]


async def test_head_that_drips_is_hypercorns_and_has_its_time_only():
    async with site(echo, idle_timeout=0.3) as it, it.visitor() as quick, it.visitor() as slow:
        await quick.send(*(bytes([byte]) for byte in GET % b"drip"), pause=0.001)
        assert (await quick.answer()).body == b"GET /drip? "
        began = asyncio.get_running_loop().time()
        await slow.send(*(bytes([byte]) for byte in (GET % b"")[:10]), pause=0.02)
        assert await slow.rest() == b""
        assert 0.25 < asyncio.get_running_loop().time() - began < 1


async def test_head_over_the_limit_is_refused():
    for size in (70_000, 400_000):
        async with site(echo) as it, it.visitor() as visitor:
            with contextlib.suppress(ConnectionError):
                await visitor.send(GET[:-2] % b"" + b"x-long: ", *[b"x" * 10_000] * (size // 10_000), pause=0.001)
            assert (await visitor.answer()).status in (431, 0)  # 0: the reset was faster than the refusal
            assert await visitor.rest() == b""


async def test_caller_that_leaves_hypercorn_leaves_nothing():
    async with site(echo, idle_timeout=0.3) as it:  # until then hypercorn looks after an idle one
        for sent in (b"GET", CHUNKED, CHUNKED[:-5]):
            for reset in (True, False):
                async with it.visitor() as visitor:
                    await visitor.send(sent)
                    await asyncio.sleep(0.02)
                    if reset:
                        visitor.reset()
        async with asyncio.timeout(2):
            while it.handover._tasks:
                await asyncio.sleep(0.01)


async def test_scope_is_the_same_on_both_sides_but_for_the_turn():
    scopes = []

    async def app(scope, receive, send):
        scopes.append({**scope, "extensions": scope["extensions"].keys() - {TURN}, "client": scope["client"][0]})
        await say(send)

    head = b"GET /a%20b/%C3%A4?c=%20d HTTP/1.1\r\nHost: a\r\nX-A: b\r\n"
    async with site(app) as it:
        assert (await it.ask(head + b"\r\n")).status == 200
        assert (await it.ask(head + b"te: trailers\r\n\r\n")).status == 200
    ours, theirs = scopes
    theirs["headers"].remove((b"te", b"trailers"))
    assert ours == theirs


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
