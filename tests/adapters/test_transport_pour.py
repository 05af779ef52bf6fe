"""How an answer is poured: each read goes on in the loop's own call, and nothing is lost, whoever stops it."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from adapters.transport import Timeouts
from adapters.transport_answer import HELD_LIMIT
from pipeline.errors import Broken
from pipeline.ports import Answer, Take
from tests.adapters.peer import CHUNKED, HELLO, QUICK, SOON, Script, Talk, call, holds, says, says_once, scenarios, to

END = b"0\r\n\r\n"
BODY = bytes(range(256)) * 4
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY)


@asynccontextmanager
async def answered(*scripts: Script, timeouts: Timeouts = QUICK) -> AsyncIterator[Answer]:
    """Ask once; the event loop must have nothing to complain of."""
    defects: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: defects.append(context))
    async with to(*scripts, timeouts=timeouts) as (transport, origin, _):
        yield await transport.send(call(origin))
    assert defects == []


def into(pieces: list[bytes], wanted: int = 10**9) -> Take:
    """Return what takes pieces until it has as many as are wanted."""

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return len(pieces) < wanted

    return take


async def poured(answer: Answer, often: int = 0, then: Callable[[], Awaitable[None]] | None = None) -> list[bytes]:
    """Pour all of an answer; with `often` each so many-th piece is the last one wanted for now."""
    pieces: list[bytes] = []
    count = itertools.count(1)

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return not often or next(count) % often != 0

    while not await answer.pour(take):
        if then is not None:
            await then()
    return pieces


async def test_pieces_arrive_in_order_for_any_split():
    for size in (3, 100, 512, len(BODY)):
        pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        for often in (0, 1, 3):
            for reply in ([HEAD, *pieces], [CHUNKED, *chunks, END], [CHUNKED + b"".join(chunks) + END]):
                async with answered(says(*reply, pause=0.0002)) as answer:
                    assert b"".join(await poured(answer, often)) == BODY
                    assert await answer.read() == b""
                    assert await answer.pour(lambda _: False) is True


async def test_chunks_split_within_their_framing_are_poured():
    chunks = b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nx: y\r\n\r\n"
    async with answered(says(CHUNKED, *(bytes([each]) for each in chunks), pause=0.0005)) as it:
        assert b"".join(await poured(it)) == b"abcd"


async def test_piece_is_taken_while_its_reader_sleeps_and_wakes_nobody():
    takers: list[object] = []

    def take(piece: bytes) -> bool:
        takers.append(asyncio.current_task())
        return True

    async with answered(says_once(CHUNKED, *[b"1\r\nx\r\n"] * 20, b"0\r\n\r\n", pause=0.002)) as answer:
        assert await answer.pour(take)
    assert len(takers) > 10
    assert takers[1:] == [None] * (len(takers) - 1)  # the loop itself called; the first may have been there already


async def test_what_is_not_wanted_now_is_poured_later_or_read():
    async with answered(says(CHUNKED + b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\nc\r\n", END, pause=0.02)) as answer:
        pieces: list[bytes] = []
        one = into(pieces, 1)
        assert await answer.pour(one) is False
        assert pieces == [b"a"]
        await asyncio.sleep(0.03)
        assert await answer.read() == b"b"
        assert await answer.pour(one) is False
        assert await answer.pour(one) is True
        assert pieces == [b"a", b"c"]


async def test_last_piece_that_is_the_last_wanted_is_followed_by_the_end():
    async with answered(says(HELLO[:-2], HELLO[-2:], pause=0.02)) as answer:
        assert await answer.pour(lambda piece: piece != b"lo") is False
        assert await answer.pour(lambda piece: True) is True


async def test_taker_that_fails_is_heard_by_whoever_pours():
    async with answered(says(CHUNKED + b"1\r\na\r\n", b"1\r\nb\r\n", b"0\r\n\r\n", pause=0.02)) as answer:

        def take(piece: bytes) -> bool:
            if piece == b"b":
                raise LookupError(piece)
            return True

        with pytest.raises(LookupError, match="b"):
            await answer.pour(take)


async def test_taker_that_fails_at_the_last_piece_is_heard_too():
    async with answered(says(HELLO[:-5], b"hello", pause=0.02)) as answer:

        def take(piece: bytes) -> bool:
            raise LookupError(piece)

        with pytest.raises(LookupError, match="hello"):
            await answer.pour(take)


async def test_zipped_answer_is_poured_plain():
    data = gzip.compress(BODY * 50)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    for often in (0, 1, 2):
        for size in (1, 50, len(data)):
            pieces = [data[at : at + size] for at in range(0, len(data), size)]
            async with answered(says(head, *pieces)) as answer:
                assert b"".join(await poured(answer, often)) == BODY * 50


async def test_zipped_answer_is_poured_no_further_than_wanted():
    data = gzip.compress(bytes(30 * 1024 * 1024))
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    async with answered(says(head + data)) as answer:
        pieces: list[bytes] = []
        assert await answer.pour(into(pieces, 1)) is False
        assert len(pieces[0]) < 2 * 1024 * 1024
        assert len(pieces[0]) + len(await answer.read_all()) == 30 * 1024 * 1024


@pytest.mark.parametrize("how", ["eof", "reset"])
@pytest.mark.parametrize("pieces", [(CHUNKED,), (CHUNKED + b"5\r\nhello\r\n",), (HELLO[:-1],)])
async def test_cut_is_an_error_after_what_came_before_it(how, pieces):
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces, pause=0.02)
        if how == "reset":
            talk.reset()

    async with answered(script) as answer:
        got: list[bytes] = []
        with pytest.raises(Broken) as caught:
            await answer.pour(into(got))
        assert caught.value.error_type == "provider_cut"
        assert b"hello".startswith(b"".join(got))


async def test_malformed_answer_is_an_error_while_it_is_poured():
    async with answered(holds(CHUNKED, b"5\r\nhello\r\n", b"zz\r\n")) as answer:
        with pytest.raises(Broken) as caught:
            await poured(answer)
        assert caught.value.error_type == "provider_malformed"


async def test_silence_is_an_error_and_a_drip_within_the_limit_is_none():
    drip = [b"1\r\nx\r\n"] * 8
    async with answered(holds_after(CHUNKED, *drip, pause=0.06)) as answer:
        got: list[bytes] = []
        began = time.monotonic()
        with pytest.raises(Broken) as caught:
            await answer.pour(into(got))
        assert (caught.value.error_type, b"".join(got)) == ("provider_timeout", b"x" * 8)
        assert 0.5 < time.monotonic() - began < 1.5


def holds_after(*pieces: bytes, pause: float) -> Script:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces, pause=pause)
        await talk.gone()

    return script


async def test_taker_that_takes_its_time_is_no_silence():
    async with answered(says(CHUNKED + b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\nc\r\n0\r\n\r\n", pause=0.05)) as answer:
        assert b"".join(await poured(answer, 1, lambda: asyncio.sleep(0.3))) == b"abc"


async def test_reads_of_one_turn_of_the_loop_leave_no_silence_to_be_timed():
    async with answered(holds(CHUNKED)) as answer:
        pieces: list[bytes] = []
        pouring = asyncio.create_task(answer.pour(into(pieces, 2)))
        await asyncio.sleep(0.01)
        feed = answer._connection.data_received  # type: ignore[attr-defined]
        for data in (b"1\r", b"\na\r\n", b"1\r\nb\r\n"):  # framing wakes the reader, and it does not run in between
            feed(data)
        assert await pouring is False
        assert pieces == [b"a", b"b"]
        await asyncio.sleep(0.3)
        feed(b"1\r\nc\r\n")
        assert await answer.read() == b"c"
        answer.close()


async def test_taker_that_stops_holds_upstream_back():
    total, written = 32 * 1024 * 1024, []

    async def flood(talk: Talk) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        for _ in range(total // 65536):
            await talk.send(b"x" * 65536)
            written.append(65536)

    async with answered(flood, timeouts=Timeouts()) as answer:
        size = 0

        def take(piece: bytes) -> bool:
            nonlocal size
            size += len(piece)
            return False

        assert await answer.pour(take) is False
        await asyncio.sleep(0.2)
        assert answer._held <= 2 * HELD_LIMIT  # type: ignore[attr-defined]
        assert sum(written) < 24 * 1024 * 1024
        while not await answer.pour(take):
            pass
        assert size == total


async def test_cancelling_while_pouring_closes_the_connection_at_once():
    async with to(holds(CHUNKED + b"5\r\nhello\r\n"), timeouts=QUICK) as (transport, origin, upstream):
        answer = await transport.send(call(origin))
        pouring = asyncio.create_task(poured(answer))
        await asyncio.sleep(0.02)
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        await asyncio.wait_for(upstream.finished.wait(), SOON)
        assert transport.counts() == {origin: (0, 0)}


async def test_closing_an_answer_wakes_whoever_pours_it():
    async with answered(holds(CHUNKED)) as answer:
        pouring = asyncio.create_task(poured(answer))
        await asyncio.sleep(0.02)
        answer.close()
        with pytest.raises(Broken, match="was closed"):
            await asyncio.wait_for(pouring, SOON)


async def test_taker_that_closes_the_answer_ends_it():
    for last in (b"1\r\nb\r\n", b"1\r\nb\r\n0\r\n\r\n"):
        async with answered(holds_after(CHUNKED + b"1\r\na\r\n", last, pause=0.02)) as answer:

            def take(piece: bytes, answer: Answer = answer) -> bool:
                if piece == b"b":
                    answer.close()
                return True

            with pytest.raises(Broken, match="was closed"):
                await asyncio.wait_for(answer.pour(take), SOON * 5)


async def test_connection_serves_again_after_an_answer_was_poured():
    async with to(says(CHUNKED, b"5\r\nhello\r\n", b"0\r\n\r\n", pause=0.01)) as (transport, origin, upstream):
        for often in (0, 1, 0):
            answer = await transport.send(call(origin))
            assert b"".join(await poured(answer, often)) == b"hello"
            assert transport.counts() == {origin: (1, 0)}
        assert len(upstream.talks) == 1


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
