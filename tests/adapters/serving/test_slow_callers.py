"""Callers that do not read: what is made for them waits, and what waits is bounded."""

from __future__ import annotations

import asyncio
import time

import uvloop

from adapters.serving.connection import AT_ONCE
from adapters.serving.turn import TURN, Turn
from tests.adapters.peer import scenarios
from tests.adapters.serving.site import GET, SOON, Scope, Site, only, say, site, until

SMALL = 4096
"""A socket's buffer that holds next to nothing."""


def unsent(it: Site) -> int:
    """Return how many bytes wait in this process for the one caller to take them."""
    connection = only(it)
    return connection._transport.get_write_buffer_size() + sum(map(len, connection._out))


async def test_answers_that_are_not_read_hold_back_the_requests_behind_them():
    begun = []

    async def app(scope, receive, send):
        begun.append(scope["path"])
        await say(send, b"x" * 200_000, 200, (b"content-length", b"200000"))

    async with site(app) as it, it.visitor(buffer=SMALL) as visitor:
        await visitor.send(GET % b"a" * 500)
        await asyncio.sleep(0.2)
        assert len(begun) < 60  # the kernel's buffers are some megabytes
        assert unsent(it) < 500_000
        for _ in range(500):
            assert len((await visitor.answer()).body) == 200_000
        assert len(begun) == 500


async def test_request_that_is_not_plain_waits_until_the_answer_before_it_is_taken():
    size = 8_000_000

    async def app(scope, receive, send):
        turn: Turn | None = scope["extensions"].get(TURN)
        await say(send, b"x" * size if turn else b"theirs")
        if turn is not None:
            await turn.drained()

    async with site(app) as it, it.visitor(buffer=SMALL) as visitor:
        await visitor.send(GET % b"" + b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        await asyncio.sleep(0.1)
        assert it.server._connections
        assert not it.handover._tasks
        assert len((await visitor.answer()).body) == size
        assert (await visitor.answer()).body == b"theirs"
        await until(lambda: not it.server._tasks)


async def test_large_answer_arrives_whole_whatever_pieces_it_leaves_in():
    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        turn.start(200, [])
        for number in range(3000):
            if not turn.write(b"%d," % number * (number % 97)):
                await turn.drained()
        turn.finish(b"end")

    async with site(app) as it:
        body = (await it.ask(GET % b"")).body
    assert body == b"".join(b"%d," % number * (number % 97) for number in range(3000)) + b"end"


async def test_caller_that_does_not_read_holds_the_application_back():
    for size in (100, AT_ONCE, 300_000):
        wrote: list[int] = []
        done = asyncio.Event()

        async def app(
            scope: Scope, receive, send, size: int = size, wrote: list[int] = wrote, done: asyncio.Event = done
        ):
            turn: Turn = scope["extensions"][TURN]
            turn.start(200, [])
            for _ in range(2):
                while turn.write(b"x" * size):
                    wrote.append(size)
                wrote.append(size)
                await turn.drained()
            done.set()
            turn.finish()

        async with site(app) as it, it.visitor(buffer=SMALL) as visitor:
            await visitor.send(GET % b"")
            await asyncio.sleep(0.2)
            assert not done.is_set()
            assert unsent(it) < 2_000_000
            answer = await visitor.answer()
            assert done.is_set()
            assert (len(answer.body), answer.whole) == (sum(wrote), True)


async def test_caller_that_leaves_frees_an_application_that_waits_for_it():
    drained = asyncio.Event()

    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        turn.start(200, [])
        while turn.write(b"x" * 300_000):
            pass
        waiting = [asyncio.create_task(turn.drained()) for _ in range(3)]
        await asyncio.sleep(0.05)
        waiting.pop().cancel()
        await asyncio.gather(*waiting)
        assert turn.gone
        assert turn.write(b"more") is True
        drained.set()

    async with site(app) as it, it.visitor(buffer=SMALL) as visitor:
        await visitor.send(GET % b"")
        await asyncio.sleep(0.1)
        assert not drained.is_set()
        visitor.reset()
        await asyncio.wait_for(drained.wait(), SOON)


async def test_pieces_of_one_turn_of_the_loop_leave_together():
    async def app(scope: Scope, receive, send):
        turn: Turn = scope["extensions"][TURN]
        turn.start(200, [(b"content-length", b"6")])
        turn.write(b"")
        turn.write(b"abc")
        assert unsent(it) > 3
        turn.finish(b"def")
        assert only(it)._out

    async with site(app) as it:
        assert (await it.ask(GET % b"")).body == b"abcdef"


async def test_idle_connection_whose_last_answer_is_taken_slowly_costs_nothing_and_loses_nothing():
    size = 8_000_000

    async def app(scope, receive, send):
        await say(send, b"x" * size, 200, (b"content-length", b"%d" % size))

    async with site(app, idle_timeout=0.05) as it, it.visitor(buffer=SMALL) as visitor:
        await visitor.send(GET % b"")
        await until(lambda: it.server._connections and only(it)._transport.is_closing())
        began = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - began < 0.15
        answer = await visitor.answer()
        assert (len(answer.body), answer.whole) == (size, True)
        assert await visitor.rest() == b""


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
