"""What the hot transport writes, and which connections it keeps."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop

from adapters.transport import host_header, request_bytes
from pipeline.errors import Broken, InternalError
from pipeline.ports import Call, Origin
from tests.adapters.peer import (
    CHUNKED,
    HELLO,
    QUICK,
    SOON,
    Talk,
    call,
    holds,
    says,
    says_once,
    scenarios,
    to,
)

# What is written.


async def test_request_arrives_whole_with_what_the_transport_adds():
    seen = []

    async def script(talk: Talk) -> None:
        seen.append(await talk.request())
        await talk.send(HELLO)

    async with to(script) as (transport, origin, _):
        await transport.send(call(origin, body=b'{"a":1}'))
    assert seen == [
        b"POST /v1/x?alt=sse HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-goog-api-key: test-key-1\r\n"
        b'accept-encoding: gzip\r\ncontent-length: 7\r\n\r\n{"a":1}' % origin.port
    ]


def test_get_has_no_content_length_and_a_chosen_coding_stays():
    get = Call(Origin("https", "x.example", 443), "/", [(b"accept-encoding", b"identity")], b"", "GET")
    expected = b"GET / HTTP/1.1\r\nhost: x.example\r\naccept-encoding: identity\r\n\r\n"
    assert request_bytes(get, host_header(get.origin)) == expected


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", []),
        ("/a\r\nx: y", []),
        ("/ü", []),
        ("/", [(b"a", b"b\r\nx: y")]),
        ("/", [(b"a", b"b\n")]),
        ("/", [(b"a\r", b"b")]),
        ("/", [(b"a", b"\0")]),
    ],
)
def test_request_that_would_be_another_is_refused(target, headers):
    with pytest.raises(InternalError):
        request_bytes(Call(Origin("http", "h", 80), target, headers), b"h")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (Origin("https", "x.example", 443), b"x.example"),
        (Origin("https", "x.example", 80), b"x.example:80"),
        (Origin("http", "::1", 8080), b"[::1]:8080"),
        (Origin("http", "bücher.example", 80), b"xn--bcher-kva.example"),
    ],
)
def test_host_header_names_the_port_only_where_needed(origin, host):
    assert host_header(origin) == host


async def test_head_and_body_leave_in_one_segment_without_delay():
    sizes = []

    async def script(talk: Talk) -> None:
        sizes.append(len(await talk.reader.read(65536)))
        await talk.send(HELLO)

    async with to(script) as (transport, origin, _):
        sent = call(origin, body=b"x" * 3000)
        await transport.send(sent)
        (connection,) = transport._origins[origin].idle
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sizes == [len(request_bytes(sent, host_header(origin)))]


# The pool.


async def test_connection_is_used_again_last_in_first_out():
    async with to(says(HELLO)) as (transport, origin, upstream):
        answers = [await transport.send(call(origin)) for _ in range(3)]
        assert len(upstream.talks) == 1
        assert [await answer.read_all() for answer in answers] == [b"hello"] * 3
        await asyncio.gather(*(transport.send(call(origin)) for _ in range(3)))
        assert transport.counts() == {origin: (3, 0)}
        last = transport._origins[origin].idle[-1]
        for _ in range(3):
            await transport.send(call(origin))
            assert transport._origins[origin].idle[-1] is last
        assert len(upstream.talks) == 3


async def test_busy_connections_are_counted_and_observed():
    seen = []

    def observe(origin: Origin, seconds: float) -> None:
        seen.append((origin, seconds))

    async with to(holds(CHUNKED), observe_connect=observe) as (transport, origin, _):
        answers = [await transport.send(call(origin)) for _ in range(2)]
        assert transport.counts() == {origin: (0, 2)}
        assert [origin for origin, _ in seen] == [origin] * 2
        assert all(0 <= seconds < 1 for _, seconds in seen)
        for answer in answers:
            answer.close()
        assert transport.counts() == {origin: (0, 0)}


async def test_no_more_than_max_idle_are_kept():
    async def after_a_while(talk: Talk) -> None:
        while True:
            await talk.request()
            await asyncio.sleep(0.05)
            await talk.send(HELLO)

    async with to(after_a_while, max_idle=2) as (transport, origin, upstream):
        await asyncio.gather(*(transport.send(call(origin)) for _ in range(4)))
        assert transport.counts() == {origin: (2, 0)}
        assert len(upstream.talks) == 4


async def test_unused_connection_expires():
    async with to(says(HELLO), timeouts=QUICK) as (transport, origin, upstream):
        await transport.send(call(origin))
        await asyncio.sleep(0.1)
        assert transport.counts() == {origin: (1, 0)}
        await asyncio.wait_for(upstream.finished.wait(), 0.3)
        assert transport.counts() == {origin: (0, 0)}


async def test_half_closed_unused_connection_is_dropped():
    async def half_close(talk: Talk) -> None:
        await talk.request()
        await talk.send(HELLO)
        talk.writer.write_eof()
        await talk.gone()

    async with to(half_close) as (transport, origin, upstream):
        await transport.send(call(origin))
        await asyncio.wait_for(upstream.finished.wait(), SOON)
        assert transport.counts() == {origin: (0, 0)}


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        HELLO + b"HTTP/1.1 200 OK\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n?",
    ],
)
async def test_connection_that_cannot_be_trusted_again_is_closed(reply):
    async with to(says(reply)) as (transport, origin, upstream):
        answer = await transport.send(call(origin))
        assert await answer.read_all() == b"hello"
        await asyncio.wait_for(upstream.finished.wait(), SOON)
        assert transport.counts() == {origin: (0, 0)}


async def test_garbage_on_an_unused_connection_drops_it():
    async with to(says(HELLO, b"HTTP/1.1 408 Request Timeout\r\n\r\n", pause=0.02)) as it:
        transport, origin, upstream = it
        assert await (await transport.send(call(origin))).read_all() == b"hello"
        await asyncio.wait_for(upstream.finished.wait(), SOON)
        assert transport.counts() == {origin: (0, 0)}


async def test_answer_before_the_request_was_written_frees_no_connection():
    async def early(talk: Talk) -> None:
        await talk.reader.readuntil(b"\r\n\r\n")
        await talk.send(HELLO)
        await asyncio.sleep(0.1)

    async with to(early) as (transport, origin, _):
        answer = await transport.send(call(origin, body=b"x" * (32 * 1024 * 1024)))
        assert await answer.read() == b"hello"
        assert transport.counts() == {origin: (0, 0)}


async def test_connection_that_dies_on_reuse_is_replaced_once():
    async def serve_one_then_drop(talk: Talk) -> None:
        await talk.request()
        await talk.send(HELLO)
        await talk.request()

    async with to(serve_one_then_drop, says(HELLO)) as (transport, origin, upstream):
        await transport.send(call(origin))
        assert await (await transport.send(call(origin))).read_all() == b"hello"
        assert len(upstream.talks) == 2
    async with to(serve_one_then_drop, says_once()) as (transport, origin, upstream):
        await transport.send(call(origin))
        with pytest.raises(Broken) as caught:
            await transport.send(call(origin))
        assert caught.value.error_type == "provider_connect"
        assert len(upstream.talks) == 2


async def test_reused_connection_that_began_to_answer_is_not_asked_again():
    async def break_off(talk: Talk) -> None:
        await talk.request()
        await talk.send(HELLO)
        await talk.request()
        await talk.send(b"HTTP/1.1 2", pause=0.02)

    async with to(break_off, says(HELLO)) as (transport, origin, upstream):
        await transport.send(call(origin))
        with pytest.raises(Broken) as caught:
            await transport.send(call(origin))
        assert caught.value.error_type == "provider_cut"
        assert len(upstream.talks) == 1


async def test_timeout_on_a_reused_connection_is_not_tried_again():
    async def stall(talk: Talk) -> None:
        await talk.request()
        await talk.send(HELLO)
        await talk.gone()

    async with to(stall, says(HELLO), timeouts=QUICK) as (transport, origin, upstream):
        await transport.send(call(origin))
        with pytest.raises(Broken) as caught:
            await transport.send(call(origin))
        assert caught.value.error_type == "provider_timeout"
        assert len(upstream.talks) == 1


async def test_closed_transport_keeps_no_connection():
    async with to(says(HELLO[:-1], HELLO[-1:], pause=0.05)) as (transport, origin, _):
        await (await transport.send(call(origin))).read_all()
        busy = await transport.send(call(origin))
        await transport.close()
        assert transport.counts() == {origin: (0, 1)}
        assert await busy.read_all() == b"hello"
        assert transport.counts() == {origin: (0, 0)}


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
