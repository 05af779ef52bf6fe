"""A caller's connection: requests one after the other, bodies and answers of any size, and who keeps whom waiting."""

from __future__ import annotations

import asyncio
import contextlib
import time

import uvloop

from adapters.serving.turn import HELD_LIMIT, TURN, Turn
from tests.adapters.peer import scenarios
from tests.adapters.serving.site import GET, POST, SOON, Scope, body_of, echo, only, say, site, until

# One request after the other.


async def test_connection_serves_one_request_after_the_other():
    async with site(echo) as it, it.visitor() as visitor:
        for number in range(20):
            await visitor.send(POST % (b"%d?a=b" % number, 5, b"hello"))
            assert (await visitor.answer()).body == b"POST /%d?a=b hello" % number
        assert len(it.server._connections) == 1


async def test_pipelined_requests_are_answered_in_order():
    async def app(scope, receive, send):
        await asyncio.sleep(0.02 if scope["path"].endswith("0") else 0)  # who comes first is slower than who follows
        await echo(scope, receive, send)

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(b"".join(POST % (b"%d" % number, 3, b"abc") for number in range(50)) + GET % b"last")
        for number in range(50):
            assert (await visitor.answer()).body == b"POST /%d? abc" % number
        assert (await visitor.answer()).body == b"GET /last? "
        assert await visitor.is_open()


async def test_requests_that_come_while_one_is_answered_wait_in_whatever_pieces():
    async with site(echo) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"0", 3, b"ab"))
        rest = b"c" + b"".join(POST % (b"%d" % number, 3, b"abc") for number in range(1, 9))
        for at in range(0, len(rest), 7):
            await visitor.send(rest[at : at + 7])
        for number in range(9):
            assert (await visitor.answer()).body == b"POST /%d? abc" % number


async def test_caller_that_pipelines_without_end_is_read_only_so_far():
    answering = asyncio.Event()

    async def app(scope, receive, send):
        await answering.wait()
        await say(send, b"x", 200, (b"content-length", b"1"))

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"0")
        long, sent = (GET % b"again")[:-2] + b"x-long: %b\r\n\r\n" % (b"x" * 30_000), 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while sent < 1000:
                    await visitor.send(long)
                    sent += 1
        assert sent < 1000
        assert len(only(it)._ahead) <= 2 * HELD_LIMIT
        answering.set()
        for _ in range(sent + 1):
            assert (await visitor.answer()).body == b"x"


async def test_many_small_pieces_ahead_cost_no_more_than_their_bytes():
    async def app(scope, receive, send):
        await asyncio.sleep(0.1)
        await say(send, b"x")

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        await until(lambda: it.server._tasks)
        connection, began = only(it), time.perf_counter()
        for _ in range(HELD_LIMIT):
            connection.data_received(b"G")
        assert time.perf_counter() - began < 2


# Bodies.


async def test_body_that_is_read_slowly_is_not_lost_and_not_piled_up():
    size, held = 6 * 1024 * 1024, []

    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        taken = 0
        more = True
        while more:
            await asyncio.sleep(0.003)
            held.append(turn._held)
            message = await receive()
            assert set(message["body"]) <= {120}
            taken += len(message["body"])
            more = message["more_body"]
        await say(send, b"%d" % taken)

    async with site(app) as it, it.visitor() as visitor:
        sending = asyncio.create_task(visitor.send(POST % (b"", size, b"x" * size) + GET % b"next"))
        assert (await visitor.answer()).body == b"%d" % size
        assert (await visitor.answer()).body == b"0"
        await sending
    assert max(held) <= 2 * HELD_LIMIT


async def refuse(scope: Scope, receive, send):
    await say(send, b"no", 413, (b"content-length", b"2"))


async def test_body_that_nobody_reads_is_dropped_and_what_follows_is_answered():
    async with site(refuse) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"", 9, b"hello"))
        answer = await visitor.answer()
        assert (answer.status, answer.body, answer.whole) == (413, b"no", True)
        await visitor.send(b"you", b"!" + POST % (b"", 0, b"") + GET % b"")
        for _ in range(2):
            assert (await visitor.answer()).body == b"no"
        assert await visitor.is_open()


async def test_caller_that_sends_on_and_on_sees_the_refusal():
    size = 30_000_000
    async with site(refuse) as it, it.visitor() as visitor:
        for _ in range(2):
            await visitor.send(POST % (b"", size, b"x" * size))
            assert (await visitor.answer()).status == 413


async def test_connection_that_is_to_close_does_so_once_the_unwanted_body_is_there():
    async with site(refuse) as it, it.visitor() as visitor:
        await visitor.send(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhello")
        assert (await visitor.answer()).body == b"no"
        assert await visitor.is_open()
        await visitor.send(b"you!")
        assert await visitor.rest() == b""


async def test_unwanted_body_that_never_ends_is_waited_for_no_longer_than_a_request():
    async with site(refuse, idle_timeout=0.2) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"", 900, b"hello"))
        assert (await visitor.answer()).body == b"no"
        began = time.monotonic()
        for _ in range(100):
            await visitor.send(b"x", pause=0.01)
            if not it.server._connections:
                break
        assert 0.1 < time.monotonic() - began < SOON


async def test_body_that_came_whole_and_is_not_read_leaves_the_connection_usable():
    size = 3 * HELD_LIMIT

    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        async with asyncio.timeout(SOON):
            while turn.wanted:
                only(it).resume()  # so that all of it comes, and reading is stopped when it has
                await asyncio.sleep(0)
        await say(send, b"unread")

    async with site(app) as it, it.visitor() as visitor:
        for _ in range(3):
            await visitor.send(POST % (b"", size, b"x" * size))
            assert (await visitor.answer()).body == b"unread"


# Silence.


async def test_idle_connection_is_closed_and_a_busy_one_is_not():
    async def app(scope, receive, send):
        await body_of(receive)
        await asyncio.sleep(0.5)
        await say(send, b"at last")

    async with site(app, idle_timeout=0.15) as it, it.visitor() as silent, it.visitor() as busy:
        began = time.monotonic()
        await busy.send(POST % (b"", 4, b"ab"))
        assert await silent.rest() == b""
        assert 0.1 < time.monotonic() - began < 1
        await asyncio.sleep(0.2)
        await busy.send(b"cd")
        assert (await busy.answer()).body == b"at last"
        answered = time.monotonic()
        assert await busy.rest() == b""
        assert 0.1 < time.monotonic() - answered < 1


async def test_caller_that_half_closes_does_not_wait_for_an_answer():
    async def app(scope, receive, send):
        await body_of(receive)
        assert (await receive())["type"] == "http.disconnect"

    async with site(app) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        visitor.writer.write_eof()
        assert await visitor.rest() == b""


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
