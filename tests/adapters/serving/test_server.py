"""How serving ends: who is idle leaves at once, who is answered leaves then, who lasts too long is cut off."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

from adapters.serving.turn import TURN
from tests.adapters.peer import scenarios
from tests.adapters.serving.site import GET, POST, SOON, Site, body_of, echo, say, site, until


class Slow:
    """An application that answers when it is told to."""

    def __init__(self, *, early: bool = False) -> None:
        self.go = asyncio.Event()
        self.outcomes: list[str] = []
        self._early = early

    async def __call__(self, scope, receive, send) -> None:
        try:
            await body_of(receive)
            if self._early:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"begun, ", "more_body": True})
            await self.go.wait()
            if self._early:
                await send({"type": "http.response.body", "body": b"done"})
            else:
                await say(send, b"done")
            await asyncio.sleep(0.05)  # there is something to write down afterwards
            self.outcomes.append("ended")
        except asyncio.CancelledError:
            self.outcomes.append("cancelled")
            raise


async def served(it: Site) -> float:
    """Tell the server to stop; return after how many seconds it has."""
    began = time.monotonic()
    it.stop.set()
    await asyncio.wait_for(asyncio.shield(it.serving), SOON)
    return time.monotonic() - began


async def test_idle_connections_close_at_once_and_new_ones_are_refused():
    async with site(echo, grace=SOON) as it, it.visitor() as fresh, it.visitor() as used, it.visitor() as theirs:
        await used.send(GET % b"")
        assert (await used.answer()).status == 200
        await theirs.send(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        assert (await theirs.answer()).status == 200
        assert await served(it) < 0.5
        for visitor in (fresh, used, theirs):
            assert await visitor.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            async with it.visitor():
                pass


async def test_request_under_way_is_answered_and_says_that_it_was_the_last():
    app = Slow()
    async with site(app, grace=SOON) as it, it.visitor() as visitor:
        await visitor.send(POST % (b"", 2, b"{}") + GET % b"another")
        await until(lambda: it.server._tasks)
        it.stop.set()
        await asyncio.sleep(0.05)
        app.go.set()
        answer = await visitor.answer()
        assert (answer.body, answer.whole, answer.headers[b"connection"]) == (b"done", True, b"close")
        assert await visitor.rest() == b""
        await asyncio.wait_for(asyncio.shield(it.serving), SOON)
        assert app.outcomes == ["ended"]  # also what comes after the answer is waited for


async def test_request_of_hypercorn_that_is_under_way_is_answered():
    app = Slow()
    async with site(app, grace=SOON) as it, it.visitor() as visitor:
        await visitor.send(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        await until(lambda: it.handover._tasks)
        await asyncio.sleep(0.05)
        it.stop.set()
        await asyncio.sleep(0.05)
        app.go.set()
        answer = await visitor.answer()
        assert (answer.body, answer.whole) == (b"done", True)
        assert await visitor.rest() == b""


async def test_answer_that_had_begun_is_ended_before_its_connection_is():
    app = Slow(early=True)
    async with site(app, grace=SOON) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        await visitor.reader.readuntil(b"begun, ")
        it.stop.set()
        await asyncio.sleep(0.05)
        app.go.set()
        assert await visitor.rest() == b"\r\n4\r\ndone\r\n0\r\n\r\n"


async def test_answer_that_outlasts_the_grace_is_cut_off():
    app = Slow(early=True)
    async with site(app, grace=0.2) as it, it.visitor() as visitor:
        await visitor.send(GET % b"")
        await visitor.reader.readuntil(b"begun, ")
        told = []
        for turn in [each._turn for each in it.server._connections if each._turn is not None]:
            turn.tell(lambda: told.append("left"))
        it.stop.set()
        assert await visitor.rest() == b"\r\n"
        await asyncio.wait_for(asyncio.shield(it.serving), SOON)
        assert told == ["left"]
        await until(lambda: app.outcomes == ["cancelled"])


async def test_caller_that_does_not_take_its_last_answer_does_not_hold_up_the_end():
    async def app(scope, receive, send):
        await say(send, b"x" * 8_000_000)
        await scope["extensions"][TURN].drained()

    async with site(app, grace=0.2) as it, it.visitor(buffer=4096) as visitor:
        await visitor.send(GET % b"")
        await asyncio.sleep(0.1)
        assert 0.1 < await served(it) < 1


async def test_connection_that_is_accepted_while_serving_ends_is_closed():
    async with site(echo, grace=SOON) as it:
        it.server.retiring = True  # the loop may have accepted one when it is told to close the listener
        async with it.visitor() as visitor:
            assert await visitor.rest() == b""
        assert await served(it) < 0.5


async def test_nothing_is_left_of_callers_that_come_and_go():
    async with site(echo, idle_timeout=0.3) as it:
        for number in range(60):
            async with it.visitor() as visitor:
                await visitor.send((POST % (b"", 4, b"body"))[: number * 2])
                if number % 3 == 0:
                    visitor.reset()
        await until(lambda: not it.server._connections and not it.server._tasks and not it.handover._tasks)


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
