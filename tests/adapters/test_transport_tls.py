"""The same promises over TLS."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import uvloop

from adapters.transport import Http1Transport, Timeouts
from pipeline.errors import Broken
from pipeline.ports import Origin
from tests.adapters.certificate import tls
from tests.adapters.peer import CHUNKED, HELLO, QUICK, SOON, Peer, Script, Talk, call, holds, peer, says, scenarios

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def over_tls(
    *scripts: Script, timeouts: Timeouts | None = None, host: str = "localhost"
) -> AsyncIterator[tuple[Http1Transport, Origin, Peer]]:
    server, client = tls()
    async with peer(*scripts, tls=server) as upstream:
        transport = Http1Transport(timeouts, tls=client)
        yield transport, Origin("https", host, upstream.port), upstream
        await transport.close()


async def test_call_is_answered_and_its_connection_used_again():
    async with over_tls(says(HELLO)) as (transport, origin, upstream):
        for _ in range(3):
            assert await (await transport.send(call(origin))).read_all() == b"hello"
        assert transport.counts() == {origin: (1, 0)}
        assert len(upstream.talks) == 1


async def test_large_request_and_answer_arrive_whole():
    body = b"x" * (8 * 1024 * 1024)

    async def echo(talk: Talk) -> None:
        request = await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), request[-len(body) :])

    async with over_tls(echo) as (transport, origin, _):
        answer = await transport.send(call(origin, body=body))
        await asyncio.sleep(0.05)
        assert await answer.read_all() == body


async def test_certificate_of_another_or_of_nobody_known_is_refused():
    async with over_tls(says(HELLO), host="127.0.0.1") as (transport, origin, _):
        with pytest.raises(Broken, match="certificate") as caught:
            await transport.send(call(origin))
        assert caught.value.error_type == "provider_connect"
        stranger = Http1Transport()
        with pytest.raises(Broken, match="certificate"):
            await stranger.send(call(origin))


async def test_peer_that_speaks_no_tls_is_an_error_of_connecting():
    async with peer(says(HELLO)) as upstream:
        transport = Http1Transport(QUICK, tls=tls()[1])
        with pytest.raises(Broken) as caught:
            await transport.send(call(Origin("https", "localhost", upstream.port)))
        assert caught.value.error_type == "provider_connect"


async def test_cut_is_an_error_and_stall_a_timeout():
    cases = (
        (holds(CHUNKED), "provider_timeout"),
        (one_answer(HELLO[:-1]), "provider_cut"),
        (one_answer(), "provider_connect"),
    )
    for script, error_type in cases:
        async with over_tls(script, timeouts=QUICK) as (transport, origin, _):
            with pytest.raises(Broken) as caught:
                await (await transport.send(call(origin))).read_all()
            assert caught.value.error_type == error_type
            assert transport.counts() == {origin: (0, 0)}


def one_answer(*pieces: bytes) -> Script:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*pieces)

    return script


async def test_unused_connection_that_upstream_closes_is_dropped():
    async with over_tls(one_answer(HELLO)) as (transport, origin, _):
        await transport.send(call(origin))
        await asyncio.sleep(SOON)
        assert transport.counts() == {origin: (0, 0)}


async def test_cancelling_closes_the_connection_at_once():
    for pieces in ((), (CHUNKED,)):
        async with over_tls(holds(*pieces)) as (transport, origin, upstream):
            asking = asyncio.ensure_future(ask(transport, origin))
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(upstream.finished.wait(), SOON)


async def ask(transport: Http1Transport, origin: Origin) -> bytes:
    return await (await transport.send(call(origin))).read_all()


async def test_cancelling_in_the_handshake_closes_the_connection_at_once():
    async def silent(talk: Talk) -> None:
        await talk.gone()

    async with peer(silent) as upstream:
        origin = Origin("https", "localhost", upstream.port)
        transport = Http1Transport(tls=tls()[1])
        asking = asyncio.ensure_future(ask(transport, origin))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(upstream.finished.wait(), SOON)


@scenarios(globals())
def test_on_uvloop(scenario):
    uvloop.run(scenario())
