"""Only what anybody could reach is fetched, only from where it was looked at, and never more than was allowed (#67)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct, field

from adapters.addresses import Address, is_public, target_of
from adapters.fetching import GuardedFetcher, permitted, resolved
from pipeline.errors import BadRequest
from pipeline.ports import Document, FetchRules, Room
from pipeline.stages.fetch import TYPES
from tests.adapters.certificate import tls
from tests.adapters.test_media_types import PNG

if TYPE_CHECKING:
    import ssl

LOOPBACK = ip_address("127.0.0.1")


class Site(Struct):
    """A server on loopback that answers every request with the next of its replies."""

    port: int = 0
    replies: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def site(*replies: bytes, security: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    served = Site(replies=list(replies))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            served.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            for piece in served.replies.pop(0).split(b"~"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            if b"stall" in piece:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    talks = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=security)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served
        await asyncio.wait_for(asyncio.gather(*talks), 2)


def reply(body: bytes = PNG, kind: str = "image/png", more: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


def moved(location: str) -> bytes:
    return reply(b"", more=f"location: {location}\r\n", status="302 Found")


def rules(*allow: str, **more: Any) -> FetchRules:
    given: dict[str, Any] = {"timeout": 2.0, "max_redirects": 3, "types": list(TYPES), **more}
    return FetchRules(allow=list(allow), room=Room(10_000, 10_000), **given)


def resolver(**hosts: str) -> Callable[[str, int], Any]:
    async def resolve(host: str, port: int) -> list[Address]:
        return [ip_address(each) for each in hosts.get(host.partition(".")[0], "127.0.0.1").split()]

    return resolve


def at_home(**hosts: str) -> GuardedFetcher:
    """A fetcher that knows a few names and takes loopback, where the tests' servers are, for public."""
    return GuardedFetcher(resolve=resolver(**hosts), judge=lambda address: address == LOOPBACK or is_public(address))


async def refused(fetcher: GuardedFetcher, url: str, allowed: FetchRules) -> str:
    with pytest.raises(BadRequest) as caught:
        await fetcher.fetch(url, allowed)
    assert caught.value.field == "url"
    assert "secret" not in caught.value.message
    return caught.value.message


async def test_picture_is_fetched_with_the_hosts_own_name() -> None:
    async with site(reply()) as here:
        found = await at_home().fetch(
            f"http://pictures.example:{here.port}/cat?size=1", rules(f"*.example:{here.port}")
        )
    assert found == Document("image/png", PNG)
    assert here.heads[0].startswith(f"GET /cat?size=1 HTTP/1.1\r\nhost: pictures.example:{here.port}\r\n")
    assert "authorization" not in here.heads[0].lower()


async def test_loopback_is_refused_without_the_tests_own_judge() -> None:
    async with site(reply()) as here:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            reason = await refused(GuardedFetcher(), f"http://{host}:{here.port}/?secret", rules(f"*:{here.port}"))
            assert "not public" in reason
    assert here.heads == []


async def test_name_with_one_private_address_is_refused_before_connecting() -> None:
    async with site(reply()) as here:
        fetcher = at_home(rebound="127.0.0.1 10.0.0.5", inside="192.168.0.1", clouds="169.254.169.254")
        for host in ("rebound", "inside", "clouds"):
            reason = await refused(fetcher, f"http://{host}.example:{here.port}/", rules(f"*:{here.port}"))
            assert "not public" in reason
            assert "192.168" not in reason
    assert here.heads == []


async def test_name_is_resolved_once_and_the_connection_goes_there() -> None:
    asked = []

    async def resolve(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else ip_address("10.0.0.1")]

    async with site(reply()) as here:
        fetcher = GuardedFetcher(resolve=resolve, judge=lambda address: True)
        await fetcher.fetch(f"http://rebinding.example:{here.port}/", rules(f"*:{here.port}"))
    assert asked == ["rebinding.example"]


async def test_each_redirect_is_looked_at_anew() -> None:
    fetcher = at_home(inside="10.0.0.1")
    async with site() as here:
        url, allowed = f"http://a.example:{here.port}/", rules(f"*.example:{here.port}")
        here.replies = [moved("/b"), moved(f"//c.example:{here.port}/d"), reply()]
        assert (await fetcher.fetch(url, allowed)).data == PNG
        assert [head.split("\r\n")[0] for head in here.heads] == [
            "GET / HTTP/1.1",
            "GET /b HTTP/1.1",
            "GET /d HTTP/1.1",
        ]
        for location, reason in (
            (f"http://inside.example:{here.port}/", "not public"),
            ("http://c.example:22/", "not among the hosts"),
            ("http://other.test/", "not among the hosts"),
            ("file:///etc/passwd", "only http and https"),
            (f"http://user@c.example:{here.port}/", "user name"),
            ("http://[::1", "no URL"),
        ):
            here.replies = [moved(location)]
            assert reason in await refused(fetcher, url, allowed)
        here.replies = [moved("/")] * 9
        assert "redirected more than 3 times" in await refused(fetcher, url, allowed)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(status="404 Not Found"), "status 404"),
        (reply(b"<html>", kind="image/png"), "its content (unknown) is not among"),
        (reply(b"%PDF-1.7" + b"x" * 90, kind="image/png"), "(application/pdf) is not among"),
        (reply(b"x" * 10_001), "than 10000 bytes"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + PNG + b"x" * 6000 + b"~" + b"x" * 6000,
            "no more than",
        ),
        (reply(more="content-encoding: gzip\r\n"), "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n\x89PNG", "ended early"),
        (b"220 smtp.example ESMTP\r\n", "ended early"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99\r\n\r\n\x89PNG~stall", "in time"),
    ],
)
async def test_answer_that_is_not_wanted_is_refused_with_the_reason(answer: bytes, reason: str) -> None:
    async with site(answer) as here:
        allowed = rules(f"*:{here.port}", types=["image/*"], timeout=0.4)
        assert reason in await refused(at_home(), f"http://a.example:{here.port}/x?secret", allowed)


async def test_unwanted_type_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n%PDF-1.7" + b"x" * 90 + b"~stall"
    async with site(endless) as here:
        reason = await refused(at_home(), f"http://a.example:{here.port}/", rules(f"*:{here.port}", types=["image/*"]))
        assert "application/pdf" in reason


async def test_host_without_an_address_or_a_server_is_told() -> None:
    async with site() as here:
        pass
    assert "no connection" in await refused(at_home(), f"http://a.example:{here.port}/", rules(f"*:{here.port}"))
    assert "no address" in await refused(GuardedFetcher(), "http://nobody.invalid/", rules("*"))


async def test_resolver_gives_every_address_and_ipv4_first() -> None:
    found = await resolved("127.0.0.1", 80)
    assert found == [LOOPBACK]


async def test_certificate_must_be_the_names_own() -> None:
    server, trusting = tls()
    async with site(reply(), reply(), security=server) as here:
        fetcher = GuardedFetcher(tls=trusting, resolve=resolver(), judge=lambda address: True)
        found = await fetcher.fetch(f"https://localhost:{here.port}/", rules(f"*:{here.port}"))
        assert found.kind == "image/png"
        reason = await refused(fetcher, f"https://other.example:{here.port}/", rules(f"*:{here.port}"))
        assert "no connection" in reason


@pytest.mark.parametrize(
    ("url", "allow", "may"),
    [
        ("http://a.example/", ["*"], True),
        ("https://a.example/", ["*.example"], True),
        ("https://a.example:8443/", ["*"], False),
        ("https://a.example:8443/", ["*:8443"], True),
        ("https://a.example:8443/", ["a.example:8443"], True),
        ("https://a.example/", ["a.example:8443"], False),
        ("https://a.example/", ["A.Example"], True),
        ("https://a.example.evil.test/", ["*.example", "a.example"], False),
        ("https://a.example/", [], False),
        ("https://[2606:4700::1111]/", ["*"], True),
        ("https://[2606:4700::1111]/", ["*.example"], False),
    ],
)
def test_allowed_hosts_are_globs_and_other_ports_are_named(url: str, allow: list[str], may: bool) -> None:
    assert permitted(target_of(url), allow) is may


async def test_what_is_blocked_is_counted_by_why_and_a_mishap_is_not() -> None:
    async with site(reply(status="404 Not Found"), moved("http://inside.example/")) as here:
        blocked: list[str] = []
        resolve = resolver(inside="10.0.0.5")
        fetcher = GuardedFetcher(resolve=resolve, judge=lambda each: each == LOOPBACK, blocked=blocked.append)
        allowed = rules(f"*:{here.port}", "inside.example")
        for path in ("gone", "moved"):
            await refused(fetcher, f"http://pictures.example:{here.port}/{path}", allowed)
        assert blocked == ["address"]
        for url in ("http://elsewhere.example/", "file:///etc/passwd", "http://0x7f.1/"):
            await refused(fetcher, url, allowed)
    assert blocked == ["address", "host", "url", "url"]
