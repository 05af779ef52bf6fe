"""How an answer is read, whatever way it arrives."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
import uvloop

from adapters.transport_answer import HELD_LIMIT
from pipeline.errors import Broken
from tests.adapters.peer import (
    CHUNKED,
    HELLO,
    QUICK,
    SOON,
    Script,
    Talk,
    body_of,
    call,
    failure_of,
    holds,
    says,
    scenarios,
    to,
)

# What is read.


async def test_answer_has_status_and_lower_case_headers():
    async with to(says(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}")) as it:
        transport, origin, _ = it
        answer = await transport.send(call(origin))
        assert (answer.status, answer.headers[0]) == (429, (b"retry-after", b"7"))
        assert await answer.read() == b"{}"
        assert await answer.read() == b""
        assert await answer.read() == b""


async def test_informational_heads_are_passed_over():
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    assert await body_of(says(early + HELLO)) == b"hello"
    assert await body_of(says(early, HELLO, pause=0.01)) == b"hello"


async def test_head_in_pieces_of_one_byte_is_read():
    assert await body_of(says(*(bytes([byte]) for byte in HELLO), pause=0.0005)) == b"hello"


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-encoding: gzip\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ],
)
async def test_answer_without_body_ends_at_once_and_frees_its_connection(method, head):
    async with to(says(head), timeouts=QUICK) as (transport, origin, _):
        answer = await transport.send(call(origin, method))
        assert transport.counts() == {origin: (1, 0)}
        assert await answer.read() == b""


async def test_read_returns_all_that_arrived_since():
    async with to(says(CHUNKED + b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\nc\r\n0\r\n\r\n", pause=0.01)) as it:
        transport, origin, _ = it
        answer = await transport.send(call(origin))
        await asyncio.sleep(0.1)
        assert await answer.read() == b"abc"


async def test_line_of_20_mib_arrives_unharmed():
    line = b"data: " + b"x" * (20 * 1024 * 1024)
    assert await body_of(says(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(line), line))) == line


async def test_answer_over_the_limit_is_refused_and_its_connection_closed():
    async with to(holds(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + b"x" * 500)) as it:
        transport, origin, upstream = it
        answer = await transport.send(call(origin))
        with pytest.raises(Broken, match="longer than 100 bytes") as caught:
            await answer.read_all(100)
        assert caught.value.error_type == "provider_malformed"
        await asyncio.wait_for(upstream.finished.wait(), SOON)


# Compression.


def zipped_at_every_split(data: bytes, head: bytes) -> Script:
    async def script(talk: Talk) -> None:
        for cut in range(1, len(data)):
            await talk.request()
            await talk.send(head + data[:cut])
            await asyncio.sleep(0.0005)
            await talk.send(data[cut:])

    return script


PLAIN = b'data: {"text":"\xe4\xb8\xad\xe6\x96\x87"}\r\n\r\n'
RAW = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(PLAIN, mtime=0),
    "x-gzip": gzip.compress(PLAIN[:9]) + gzip.compress(b"") + gzip.compress(PLAIN[9:]),
    "deflate": zlib.compress(PLAIN),
    "Deflate": RAW.compress(PLAIN) + RAW.flush(),
}


@pytest.mark.parametrize("coding", CODED)
async def test_compressed_body_split_anywhere_is_read_alike(coding):
    data = CODED[coding]
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (
        coding.encode(),
        len(data),
    )
    async with to(zipped_at_every_split(data, head)) as (transport, origin, upstream):
        for _ in range(1, len(data)):
            answer = await transport.send(call(origin))
            assert await answer.read_all() == PLAIN
        assert len(upstream.talks) == 1


async def test_flushed_gzip_event_is_read_before_the_next_comes():
    press = zlib.compressobj(wbits=31)
    first = press.compress(PLAIN) + press.flush(zlib.Z_SYNC_FLUSH)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
    async with to(holds(head + first), timeouts=QUICK) as (transport, origin, _):
        answer = await transport.send(call(origin))
        assert await answer.read() == PLAIN
        answer.close()


async def test_gzip_bomb_is_inflated_in_steps():
    data = gzip.compress(bytes(50 * 1024 * 1024), 9)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    async with to(says(head + data)) as (transport, origin, _):
        answer = await transport.send(call(origin))
        steps = []
        while piece := await answer.read():
            steps.append(len(piece))
        assert sum(steps) == 50 * 1024 * 1024
        assert max(steps) <= 1024 * 1024


@pytest.mark.parametrize(
    ("coding", "data", "error_type"),
    [
        (b"gzip", gzip.compress(PLAIN, mtime=0)[:-1], "provider_cut"),
        (b"gzip", b"not gzip at all", "provider_malformed"),
        (b"gzip", gzip.compress(PLAIN, mtime=0) + b"more", "provider_malformed"),
        (b"deflate", zlib.compress(PLAIN) + b"more", "provider_malformed"),
        (b"br", b"whatever", "provider_malformed"),
        (b"gzip, gzip", b"whatever", "provider_malformed"),
    ],
)
async def test_compressed_body_that_is_not_whole_is_an_error(coding, data, error_type):
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(data))
    assert (await failure_of(says(head + data))).error_type == error_type


# Back-pressure.


async def test_slow_reader_holds_upstream_back():
    total, written = 64 * 1024 * 1024, []

    async def flood(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        for _ in range(total // 65536):
            await talk.send(b"x" * 65536)
            written.append(65536)

    async with to(flood) as (transport, origin, _):
        answer = await transport.send(call(origin))
        await asyncio.sleep(0.2)
        assert answer._held <= 2 * HELD_LIMIT
        assert sum(written) < 32 * 1024 * 1024  # the kernel's buffers, and not the whole
        size = 0
        while piece := await answer.read():
            assert len(piece) <= 2 * HELD_LIMIT
            size += len(piece)
        assert size == total
        assert transport.counts() == {origin: (1, 0)}


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
