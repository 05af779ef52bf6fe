"""One request and its answer: what an application may say, and what of it reaches the caller."""

from __future__ import annotations

import asyncio
import re

import pytest
import uvloop

from adapters.serving.turn import HELD_LIMIT, TURN, Turn
from tests.adapters.peer import scenarios
from tests.adapters.serving.site import GET, POST, Scope, body_of, say, site, until

# What is answered.


async def test_answer_without_a_length_is_chunked_and_dated():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"b"), (b"x-a", b"c")]})
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        head = await visitor.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201 Created\r\nx-a: b\r\nx-a: c\r\ntransfer-encoding: chunked\r\n")
        assert re.search(rb"\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", head)
        assert await visitor.reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        await visitor.send(GET % b"")
        assert (await visitor.answer()).body == b"onetwo"


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("headers", [(), ((b"content-length", b"3"),)])
async def test_answer_that_has_no_body_sends_none(status, headers):
    async def app(scope, receive, send):
        await say(send, b"abc", status, *headers)

    async with site(app) as it, it.visitor() as visitor:
        for _ in range(2):
            await visitor.send(GET % b"")
            answer = await visitor.answer()
            assert (answer.status, answer.body, answer.whole) == (status, b"", True)
            assert not answer.headers.keys() & {b"content-length", b"transfer-encoding"}
        assert await visitor.is_open()


async def test_status_that_nobody_knows_is_sent():
    async def app(scope, receive, send):
        await say(send, b"x", 499)

    async with site(app) as it:
        assert (await it.ask(GET % b"")).status == 499


async def test_more_than_was_said_is_cut_off():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"5")]})
        await send({"type": "http.response.body", "body": b"hel", "more_body": True})
        await send({"type": "http.response.body", "body": b"lo, and more", "more_body": True})
        await send({"type": "http.response.body", "body": b"more"})

    async with site(app) as it, it.visitor() as visitor:
        for _ in range(2):
            await visitor.send(GET % b"")
            assert (await visitor.answer()).body == b"hello"
        assert await visitor.is_open()


async def test_less_than_was_said_closes_the_connection():
    async def app(scope, receive, send):
        await say(send, b"hel", 200, (b"content-length", b"5"))

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        answer = await visitor.answer()
        assert (answer.body, answer.whole) == (b"hel", False)
        assert await visitor.rest() == b""


async def test_framing_is_said_once_and_by_the_server():
    async def app(scope, receive, send):
        mine = ((b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"2"), (b"content-length", b"2"))
        await say(send, b"ok", 200, *mine, (b"Connection", b"Close"))

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        head = await visitor.reader.readuntil(b"\r\n\r\n")
        assert head.count(b"content-length: 2\r\n") == head.count(b"connection: close\r\n") == 1
        assert head.lower().count(b"content-length") == 1
        assert b"chunked" not in head.lower()
        assert await visitor.rest() == b"ok"


async def test_connection_closes_when_caller_or_application_says_so():
    async def app(scope, receive, send):
        await say(send, b"ok", 200, *([(b"connection", b"close")] if scope["path"] == "/mine" else []))

    asked = GET[:-2] + b"Connection: Close\r\n\r\n"
    async with site(app) as it:
        for request in (GET % b"mine", asked % b"yours"):
            async with it.visitor() as visitor:
                await visitor.send(request)
                answer = await visitor.answer()
                assert (answer.body, answer.headers[b"connection"]) == (b"ok", b"close")
                assert await visitor.rest() == b""


# What is refused.


@pytest.mark.parametrize(
    "field",
    [
        (b"x-a", b"b\r\nx-evil: 1"),
        (b"x-a", b"b\n"),
        (b"x-a", b"b\r"),
        (b"x-a\r\nx-evil: 1\r\nx-b", b"b"),
        (b"x a", b"b"),
        (b"x-a:", b"b"),
        (b"", b"b"),
        (b"x-a", b"\x00"),
        (b"content-length", b"5\r\nx-evil: 1"),
        (b"content-length", b"-1"),
    ],
)
async def test_header_that_would_split_the_answer_is_refused_and_answered_500(field):
    async def app(scope, receive, send):
        await say(send, b"hello", 200, field)

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        answer = await visitor.answer()
        assert (answer.status, answer.body) == (500, b"")
        assert b"x-evil" not in answer.headers
        assert await visitor.rest() == b""


async def test_message_that_has_no_place_is_refused():
    refused = []

    async def app(scope, receive, send):
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        body = {"type": "http.response.body", "body": b"o", "more_body": True}
        for messages in ([body], [{"type": "websocket.accept"}], [start, start], [body], [start]):
            try:
                for message in messages:
                    await send(message)
            except RuntimeError:
                refused.append(messages)
        await send({"type": "http.response.body", "body": b"k"})
        with pytest.raises(RuntimeError):
            await send(start)
        await send({"type": "http.response.body", "body": b"too late"})

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        assert (await visitor.answer()).body == b"ok"
        await visitor.send(GET % b"")
        assert (await visitor.answer()).body == b"ok"
    assert len(refused) == 8


# An application with defects.


async def test_application_that_fails_before_it_answers_is_answered_500():
    async def app(scope, receive, send):
        if scope["path"] == "/raises":
            raise LookupError

    async with site(app) as it:
        for path in (b"raises", b"returns"):
            async with it.visitor() as visitor:
                await visitor.send(POST % (path, 2, b"{}"))
                answer = await visitor.answer()
                assert (answer.status, answer.body, answer.whole) == (500, b"", True)
                assert await visitor.rest() == b""


@pytest.mark.parametrize("headers", [(), ((b"content-length", b"9"),)])
@pytest.mark.parametrize("raises", [True, False])
async def test_answer_that_breaks_off_never_looks_whole(headers, raises):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        await asyncio.sleep(0.05)
        if raises:
            raise LookupError

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        answer = await visitor.answer()
        assert (answer.status, answer.body, answer.whole) == (200, b"hello", False)
        assert await visitor.rest() == b""


# What the application is told.


async def test_body_in_many_pieces_is_received_in_order():
    body = bytes(range(256)) * 40

    async def app(scope, receive, send):
        await say(send, await body_of(receive))

    request = POST % (b"", len(body), body)
    head = len(request) - len(body)
    async with site(app) as it:
        pieces = [request[:head], *(request[at : at + 512] for at in range(head, len(request), 512))]
        assert (await it.ask(*pieces, pause=0.001)).body == body


async def test_receive_after_the_answer_says_disconnect_to_all_who_wait():
    told: list[str] = []

    async def app(scope, receive, send):
        await body_of(receive)
        waiting = [asyncio.create_task(receive()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting.pop().cancel()
        await say(send, b"ok")
        told.extend(message["type"] for message in await asyncio.gather(*waiting))
        told.append((await receive())["type"])

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        assert (await visitor.answer()).body == b"ok"
        await until(lambda: told == ["http.disconnect"] * 3)


@pytest.mark.parametrize("when", ["in the body", "before the answer", "in the answer"])
@pytest.mark.parametrize("how", ["reset", "closes"])
async def test_caller_that_leaves_is_told(when, how):
    told: list[str] = []
    begun = asyncio.Event()

    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        turn.tell(lambda: told.append("left"))
        begun.set()
        await body_of(receive)
        if when == "in the answer":
            turn.start(200, [])
            turn.write(b"hello")
        told.append((await receive())["type"])
        turn.tell(lambda: told.append("left already"))
        if when != "in the answer":
            turn.start(200, [])
        assert turn.write(b"x" * HELD_LIMIT) is True
        await turn.drained()
        turn.finish(b"x")
        assert turn.gone

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"", 3 if when == "in the body" else 2, b"{}"))
        await asyncio.wait_for(begun.wait(), 1)
        if when == "in the answer":
            await visitor.reader.readuntil(b"hello")
        visitor.reset() if how == "reset" else visitor.writer.close()
        await until(lambda: len(told) == 3)
        await until(lambda: not it.server._tasks)
    assert told == ["left", "http.disconnect", "left already"]


async def test_caller_that_is_told_no_more_hears_nothing_of_it():
    told = []

    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        turn.tell(lambda: told.append("left"))
        turn.tell(None)
        await body_of(receive)
        told.append((await receive())["type"])

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        await until(lambda: it.server._tasks)
        visitor.writer.close()
        await until(lambda: told)
    assert told == ["http.disconnect"]


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
