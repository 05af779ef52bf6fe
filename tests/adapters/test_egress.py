"""What is not hot, and the way through a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from typing import TYPE_CHECKING

import pytest
import uvloop

from adapters.egress import Egress, ProxiedTransport
from adapters.transport import Timeouts
from pipeline.errors import Broken, InternalError
from pipeline.ports import Origin
from tests.adapters.certificate import tls
from tests.adapters.peer import (
    CHUNKED,
    HELLO,
    QUICK,
    SOON,
    Peer,
    Script,
    Talk,
    call,
    holds,
    peer,
    says,
    says_once,
    scenarios,
)
from tests.adapters.proxies import http_proxy, socks5_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WAYS: dict[str, Callable[[list[bytes], str], Script]] = {"http": http_proxy, "socks5": socks5_proxy}
ZIPPED = gzip.compress(b"hello" * 100)
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(ZIPPED)


@contextlib.asynccontextmanager
async def through(
    way: str, *scripts: Script, encrypted: bool = False, timeouts: Timeouts | None = None, user: str = ""
) -> AsyncIterator[tuple[ProxiedTransport, Origin, Peer, list[bytes]]]:
    server, client = tls()
    seen: list[bytes] = []
    scheme = "https" if encrypted else "http"
    async with peer(*scripts, tls=server if encrypted else None) as upstream, peer(WAYS[way](seen, user)) as proxy:
        secret = f"{user.replace('@', '%40')}@" if user else ""
        transport = ProxiedTransport(f"{way}://{secret}127.0.0.1:{proxy.port}", timeouts, tls=client)
        yield transport, Origin(scheme, "localhost", upstream.port), upstream, seen
        await transport.close()


@contextlib.asynccontextmanager
async def fetching(*scripts: Script) -> AsyncIterator[tuple[Egress, str]]:
    async with peer(*scripts) as upstream:
        egress = Egress()
        yield egress, f"http://127.0.0.1:{upstream.port}/token?a=b"
        await egress.close()


async def ask(transport: ProxiedTransport, origin: Origin) -> bytes:
    return await (await transport.send(call(origin))).read_all()


# Documents.


async def test_document_is_fetched_with_status_headers_and_plain_body():
    seen = []

    async def script(talk: Talk) -> None:
        seen.append(await talk.request())
        await talk.send(b"HTTP/1.1 400 Bad Request\r\nX-Reason: grant\r\ncontent-length: 2\r\n\r\n{}")
        await talk.request()
        await talk.send(GZIP + ZIPPED)

    async with fetching(script) as (egress, url):
        first = await egress.fetch("POST", url, [(b"content-type", b"text/plain")], b"grant")
        assert (first.status, first.headers[0], first.body) == (400, (b"x-reason", b"grant"), b"{}")
        assert (await egress.fetch("GET", url)).body == b"hello" * 100
    assert seen[0].startswith(b"POST /token?a=b HTTP/1.1\r\nhost: 127.0.0.1:")
    assert seen[0].endswith(b"content-type: text/plain\r\naccept-encoding: gzip\r\ncontent-length: 5\r\n\r\ngrant")


async def test_document_that_takes_too_long_or_is_too_long_is_an_error():
    drip = says_once(CHUNKED, *([b"1\r\nx\r\n"] * 100), pause=0.02)
    async with fetching(drip) as (egress, url):
        with pytest.raises(Broken) as caught:
            await egress.fetch("GET", url, timeout=0.1)
        assert (caught.value.error_type, caught.value.status) == ("provider_timeout", 504)
    async with fetching(says(HELLO)) as (egress, url):
        with pytest.raises(Broken, match="longer than 4 bytes"):
            await egress.fetch("GET", url, limit=4)


async def test_failures_of_fetching_are_our_own_errors():
    async with fetching(says_once(HELLO[:-1])) as (egress, url):
        with pytest.raises(Broken) as caught:
            await egress.fetch("GET", url)
        assert caught.value.error_type == "provider_cut"
        with pytest.raises(InternalError):
            await egress.fetch("GET", url, [(b"bad header", b"x")])
    with pytest.raises(Broken) as caught:
        await egress.fetch("GET", url)
    assert caught.value.error_type == "provider_connect"
    await egress.close()


# Proxies.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("encrypted", [False, True])
async def test_call_goes_through_the_proxy_and_its_connection_is_used_again(way, encrypted):
    async with through(way, says(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"), encrypted=encrypted) as it:
        transport, origin, upstream, seen = it
        for _ in range(3):
            assert await ask(transport, origin) == b"hello"
        assert len(upstream.talks) == len(seen) == 1
        assert b"localhost:%d" % origin.port in seen[0]


@pytest.mark.parametrize("way", WAYS)
async def test_user_and_password_are_for_the_proxy_only(way):
    requests = []

    async def script(talk: Talk) -> None:
        requests.append(await talk.request())
        await talk.send(HELLO)

    async with through(way, script, encrypted=True, user="me:p@ss") as (transport, origin, _, seen):
        assert await ask(transport, origin) == b"hello"
        assert len(seen) == 1
        assert b"roxy" not in requests[0]


@pytest.mark.parametrize("way", WAYS)
async def test_proxy_that_refuses_is_an_error_of_connecting(way):
    async def wrong_password(talk: Talk) -> None:
        await WAYS[way]([], "me:right")(talk)

    async def no_upstream(talk: Talk) -> None:
        first = await talk.reader.read(100)
        if way == "http":
            await talk.send(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            return
        assert first
        await talk.send(b"\x05\x00")
        await talk.reader.read(100)
        await talk.send(b"\x05\x05\x00\x01" + bytes(6))

    async def no_proxy(talk: Talk) -> None:
        await talk.reader.read(100)
        await talk.send(b"220 mail.example ESMTP\r\n")

    for script in (wrong_password, no_upstream):
        async with peer(script) as proxy:
            transport = ProxiedTransport(f"{way}://me:wrong@127.0.0.1:{proxy.port}")
            with pytest.raises(Broken) as caught:
                await transport.send(call(Origin("https", "localhost", 9)))
            assert caught.value.error_type == "provider_connect"
            await transport.close()
    async with peer(no_proxy) as proxy:
        transport = ProxiedTransport(f"{way}://127.0.0.1:{proxy.port}")
        with pytest.raises(Broken):
            await transport.send(call(Origin("https", "localhost", 9)))
        await transport.close()


async def test_proxy_that_says_nothing_times_out():
    async def silent(talk: Talk) -> None:
        await talk.gone()

    for way in WAYS:
        async with peer(silent) as proxy:
            transport = ProxiedTransport(f"{way}://127.0.0.1:{proxy.port}", QUICK)
            with pytest.raises(Broken) as caught:
                await transport.send(call(Origin("https", "localhost", 9)))
            assert caught.value.error_type == "provider_timeout"
            await transport.close()


async def test_compressed_stream_is_read_as_it_comes():
    half = len(ZIPPED) // 2
    async with through("http", says(GZIP + ZIPPED[:half], ZIPPED[half:], pause=0.05)) as (transport, origin, _, _):
        answer = await transport.send(call(origin))
        assert await answer.read_all() == b"hello" * 100
        assert await answer.read() == b""


async def test_answer_is_poured_until_it_is_wanted_no_more_and_then_to_its_end():
    half = len(ZIPPED) // 2
    plain = says(CHUNKED, *[b"5\r\nhello\r\n"] * 100, b"0\r\n\r\n", pause=0.0002)
    for script in (plain, says(GZIP + ZIPPED[:half], ZIPPED[half:], pause=0.02)):
        async with through("http", script) as (transport, origin, _, _):
            for often in (1, 2, 1000):
                answer = await transport.send(call(origin))
                pieces: list[bytes] = []

                def take(piece: bytes, pieces: list[bytes] = pieces, often: int = often) -> bool:
                    pieces.append(piece)
                    return len(pieces) % often != 0

                while not await answer.pour(take):
                    pass
                assert b"".join(pieces) == b"hello" * 100
                assert await answer.read() == b""


async def test_pouring_ends_with_what_breaks_the_answer_or_its_taker():
    for pieces, wrong in ((CHUNKED + b"5\r\nhello\r\n", Broken), (HELLO, LookupError)):
        async with through("http", says_once(pieces, pause=0.02)) as (transport, origin, _, _):
            answer = await transport.send(call(origin))

            def take(piece: bytes, wrong: type[Exception] = wrong) -> bool:
                if wrong is LookupError:
                    raise LookupError(piece)
                return True

            with pytest.raises(wrong):
                await answer.pour(take)
            answer.close()


@pytest.mark.parametrize("pieces", [(), (HELLO[:-1],), (CHUNKED + b"5\r\nhello\r\n",)])
@pytest.mark.parametrize("way", WAYS)
async def test_cut_is_an_error(way, pieces):
    async with through(way, says_once(*pieces, pause=0.02), encrypted=True) as (transport, origin, _, _):
        with pytest.raises(Broken) as caught:
            await ask(transport, origin)
        assert caught.value.error_type == "provider_cut"


async def test_answer_that_broke_off_never_looks_finished():
    async with through("http", says_once(CHUNKED + b"5\r\nhello\r\n")) as (transport, origin, _, _):
        answer = await transport.send(call(origin))
        assert await answer.read() == b"hello"
        for _ in range(2):
            with pytest.raises(Broken):
                await answer.read()


async def test_silence_of_each_kind_has_its_own_limit():
    late_body = says_once(HELLO[:-2], HELLO[-2:], pause=0.3)
    patient, hasty = Timeouts(first_byte=0.2, idle=1.0), Timeouts(first_byte=1.0, idle=0.2)
    async with through("http", late_body, timeouts=patient) as (transport, origin, _, _):
        assert await ask(transport, origin) == b"hello"
    async with through("http", late_body, timeouts=hasty) as (transport, origin, _, _):
        with pytest.raises(Broken) as caught:
            await ask(transport, origin)
        assert caught.value.error_type == "provider_timeout"
    async with through("http", holds(), timeouts=QUICK) as (transport, origin, _, _):
        with pytest.raises(Broken) as caught:
            await ask(transport, origin)
        assert caught.value.error_type == "provider_timeout"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pieces", [(), (CHUNKED,)])
async def test_cancelling_closes_the_connection_at_once(way, pieces):
    async with through(way, holds(*pieces), encrypted=True) as (transport, origin, upstream, _):
        asking = asyncio.ensure_future(ask(transport, origin))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(upstream.finished.wait(), SOON)


async def test_closing_an_unfinished_answer_closes_its_connection_at_once():
    for way in WAYS:
        async with through(way, holds(CHUNKED + b"5\r\nhello\r\n")) as (transport, origin, upstream, _):
            answer = await transport.send(call(origin))
            assert await answer.read() == b"hello"
            answer.close()
            answer.close()
            await asyncio.wait_for(upstream.finished.wait(), SOON)
            with pytest.raises(Broken, match="was closed"):
                await answer.read()


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
