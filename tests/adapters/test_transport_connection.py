"""What becomes of a connection when upstream fails or the caller leaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
import uvloop

from adapters.transport import Http1Transport, Timeouts
from adapters.transport_connection import Connection
from pipeline.errors import Broken
from pipeline.ports import Origin
from tests.adapters.peer import (
    CHUNKED,
    HELLO,
    QUICK,
    SOON,
    Talk,
    body_of,
    call,
    failure_of,
    holds,
    peer,
    says,
    says_once,
    scenarios,
    to,
)

# Failures.


async def refuse() -> Origin:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Origin("http", "127.0.0.1", probe.getsockname()[1])


async def test_refused_connection_and_impossible_names_say_connect():
    transport = Http1Transport()
    for origin in (await refuse(), Origin("http", "no-such-host.invalid", 80), Origin("http", "a" * 64, 80)):
        with pytest.raises(Broken) as caught:
            await transport.send(call(origin))
        assert caught.value.error_type == "provider_connect"
        assert transport.counts()[origin] == (0, 0)


@pytest.mark.parametrize(
    ("pieces", "error_type"),
    [
        ((), "provider_connect"),
        ((b"HTTP/1.1 2",), "provider_cut"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n",), "provider_cut"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), "provider_cut"),
        ((HELLO[:-1],), "provider_cut"),
        ((CHUNKED,), "provider_cut"),
        ((CHUNKED + b"5\r\nhello",), "provider_cut"),
        ((CHUNKED + b"5\r\nhello\r\n",), "provider_cut"),
        ((CHUNKED + b"5\r\nhello\r\n0\r\n",), "provider_cut"),
        ((CHUNKED + b"5\r\nhello\r\n0\r\n\r",), "provider_cut"),
    ],
)
@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_cut_at_any_place_is_an_error_and_never_an_end(pieces, error_type, how):
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces, pause=0.02)
        if how == "reset":
            talk.reset()

    async with to(script, timeouts=QUICK) as (transport, origin, _):
        with pytest.raises(Broken) as caught:
            await (await transport.send(call(origin))).read_all()
        assert caught.value.error_type == error_type
        assert transport.counts() == {origin: (0, 0)}


async def test_connection_that_is_accepted_and_dropped_is_noticed_at_once():
    async def drop(talk: Talk) -> None:
        talk.writer.transport.abort()

    async with to(drop, timeouts=QUICK) as (transport, origin, _):
        for _ in range(20):
            with pytest.raises(Broken) as caught:
                await transport.send(call(origin))
            assert caught.value.error_type == "provider_connect"
        assert transport.counts() == {origin: (0, 0)}


async def test_connection_that_is_lost_before_its_use_is_noticed():
    loop = asyncio.get_running_loop()
    async with peer(says(HELLO)) as upstream:
        transport = Http1Transport()
        origin = Origin("http", "127.0.0.1", upstream.port)
        await transport.send(call(origin))
        connections = transport._origins[origin]
        _, lost = await loop.create_connection(lambda: Connection(loop, QUICK, connections), "127.0.0.1", upstream.port)
        lost.eof_received()
        await asyncio.sleep(0.01)
        connections.add(lost)
        with pytest.raises(Broken) as caught:
            await asyncio.wait_for(lost.call(b"GET / HTTP/1.1\r\n\r\n", head_only=False), SOON)
        assert caught.value.error_type == "provider_connect"
        assert transport.counts() == {origin: (1, 0)}
        await transport.close()


async def test_what_arrived_before_the_cut_is_given_first():
    async with to(says_once(CHUNKED + b"5\r\nhello\r\n")) as (transport, origin, _):
        answer = await transport.send(call(origin))
        await asyncio.sleep(0.05)
        assert await answer.read() == b"hello"
        for _ in range(2):
            with pytest.raises(Broken):
                await answer.read()


async def test_body_until_close_ends_with_its_connection():
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    assert await body_of(says_once(head, b"hel", b"lo", pause=0.01)) == b"hello"

    async def reset(talk: Talk) -> None:
        await talk.request()
        await talk.send(head + b"hel", pause=0.02)
        talk.reset()

    assert (await failure_of(reset)).error_type == "provider_cut"


@pytest.mark.parametrize(
    "reply",
    [
        b"\x16\x03\x01 this is TLS",
        b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: br\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000,
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello!\r\n",
        CHUNKED + b"-5\r\nhello\r\n",
        CHUNKED + b"1_0\r\n" + b"x" * 16 + b"\r\n",
        CHUNKED + b"f" * 20_000,
        CHUNKED + b"0\r\nno trailer\r\n\r\n",
        CHUNKED + b"0\r\n" + b"a: b\r\n" * 20_000,
    ],
)
async def test_malformed_answer_is_an_error(reply):
    assert (await failure_of(holds(reply))).error_type == "provider_malformed"


async def test_stall_before_the_head_and_in_the_body_times_out():
    for pieces in ((), (b"HTTP/1.1 2",), (CHUNKED + b"5\r\nhel",)):
        began = time.monotonic()
        failure = await failure_of(holds(*pieces))
        assert (failure.error_type, failure.status) == ("provider_timeout", 504)
        assert 0.15 < time.monotonic() - began < 1


async def test_silence_of_each_kind_has_its_own_limit():
    slow_head = Timeouts(first_byte=1.0, idle=0.1, keep_alive=30)
    slow_body = Timeouts(first_byte=0.1, idle=1.0, keep_alive=30)

    async def late(talk: Talk) -> None:
        await talk.request()
        await asyncio.sleep(0.3)
        await talk.send(HELLO)

    assert await body_of(late, timeouts=slow_head) == b"hello"
    assert await body_of(says_once(HELLO[:-2], HELLO[-2:], pause=0.3), timeouts=slow_body) == b"hello"
    assert (await failure_of(late, timeouts=slow_body)).error_type == "provider_timeout"
    drip = says_once(HELLO[:-2], HELLO[-2:], pause=0.3)
    assert (await failure_of(drip, timeouts=slow_head)).error_type == "provider_timeout"


async def test_drip_within_the_limit_is_no_stall():
    drip = says(CHUNKED, *([b"1\r\nx\r\n"] * 8), b"0\r\n\r\n", pause=0.05)
    assert await body_of(drip) == b"xxxxxxxx"


async def test_consumer_that_takes_its_time_is_no_stall():
    async with to(says(CHUNKED + b"1\r\na\r\n", b"1\r\nb\r\n0\r\n\r\n", pause=0.4), timeouts=QUICK) as it:
        transport, origin, _ = it
        answer = await transport.send(call(origin))
        assert await answer.read() == b"a"
        await asyncio.sleep(0.3)
        assert await answer.read() == b"b"


# Leaving.


async def test_closing_an_unfinished_answer_closes_its_connection_at_once():
    async with to(holds(CHUNKED + b"5\r\nhello\r\n")) as (transport, origin, upstream):
        answer = await transport.send(call(origin))
        answer.close()
        answer.close()
        await asyncio.wait_for(upstream.finished.wait(), SOON)
        assert await answer.read() == b"hello"
        with pytest.raises(Broken, match="was closed"):
            await answer.read()


async def test_closing_an_answer_wakes_whoever_reads_it():
    async with to(holds(CHUNKED)) as (transport, origin, _):
        answer = await transport.send(call(origin))
        reading = asyncio.ensure_future(answer.read())
        await asyncio.sleep(0)
        answer.close()
        with pytest.raises(Broken, match="was closed"):
            await asyncio.wait_for(reading, SOON)


async def test_cancelling_before_the_head_and_in_the_body_closes_the_connection_at_once():
    for pieces in ((), (CHUNKED + b"5\r\nhello\r\n",)):
        async with to(holds(*pieces)) as (transport, origin, upstream):

            async def ask(transport: Http1Transport = transport, origin: Origin = origin) -> None:
                await (await transport.send(call(origin))).read_all()

            asking = asyncio.ensure_future(ask())
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(upstream.finished.wait(), SOON)
            assert transport.counts() == {origin: (0, 0)}


async def test_cancelling_in_any_turn_of_the_loop_keeps_the_counts_right():
    async with to(says(HELLO)) as (transport, origin, _):
        for turns in range(40):
            asking = asyncio.ensure_future(transport.send(call(origin)))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0.001)
            assert transport.counts().get(origin, (0, 0))[1] == 0
            if turns % 2:
                await transport.close()
                transport = Http1Transport()
        assert await (await transport.send(call(origin))).read_all() == b"hello"


async def test_cancelling_while_connecting_closes_the_socket_at_once():
    with full_backlog() as (origin, _):
        transport = Http1Transport()
        connecting = asyncio.ensure_future(transport.send(call(origin)))
        await asyncio.sleep(0.05)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(connecting, SOON)
        assert transport.counts() == {origin: (0, 0)}


async def test_connection_that_is_not_accepted_times_out():
    with full_backlog() as (origin, _):
        with pytest.raises(Broken, match=r"within 0\.2 s") as caught:
            await Http1Transport(QUICK).send(call(origin))
        assert caught.value.error_type == "provider_connect"


class full_backlog(contextlib.AbstractContextManager["tuple[Origin, int]"]):  # noqa: N801 - reads as a function
    """A listening port whose queue is full: the kernel leaves every further SYN without an answer."""

    def __enter__(self) -> tuple[Origin, int]:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        port = self.listener.getsockname()[1]
        self.fill = [socket.socket() for _ in range(3)]
        for sock in self.fill:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        return Origin("http", "127.0.0.1", port), port

    def __exit__(self, *_: object) -> None:
        for sock in (self.listener, *self.fill):
            sock.close()


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
