"""Fetches what a caller's URL names, and nothing that the caller could not reach without us.

A name is resolved once, every address it has must be public, and the connection goes to the very address that was
looked at (no second resolution, RFC 9110 §7.2 Host and RFC 6066 SNI are the name's). Each redirect begins anew.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import httpcore

from adapters.addresses import Address, Refused, Target, is_public, parsed, redirected, target_of
from adapters.egress import translated
from adapters.media_types import ENOUGH, accepted, media_type, sniffed
from adapters.transport import default_tls
from pipeline.errors import BadRequest, Broken
from pipeline.ports import Document, FetchRules

if TYPE_CHECKING:
    import ssl

Resolve = Callable[[str, int], Awaitable[list[Address]]]
Judge = Callable[[Address], bool]
Blocked = Callable[[str], None]

_HEADERS = [("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "pollux")]
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WHY = {
    "provider_timeout": "it did not answer in time",
    "provider_connect": "no connection to it could be made",
    "provider_cut": "its answer ended early",
}


class GuardedFetcher:
    """The fetcher behind the stage `fetch`; `pipeline.ports.Fetcher`.

    Shape: connections are made directly, never through an egress proxy: what a proxy resolves cannot be checked.
        `resolve` and `judge` are for tests, which need names and servers of their own. `blocked` is told of each URL
        that is not asked for, its redirects included: for its form (url), its host, or a private address.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        judge: Judge = is_public,
        blocked: Blocked | None = None,
    ) -> None:
        self._tls = tls
        self._resolve = resolve or resolved
        self._judge = judge
        self._blocked = blocked

    async def fetch(self, url: str, rules: FetchRules) -> Document:
        try:
            async with asyncio.timeout(rules.timeout):
                return await self._follow(url, rules)
        except TimeoutError:
            reason = _WHY["provider_timeout"]
        except Refused as exc:
            reason = str(exc)
            if exc.blocked and self._blocked is not None:
                self._blocked(exc.blocked)
        except Broken as exc:
            reason = _WHY.get(exc.error_type, "what it answers is not HTTP")
        raise BadRequest(f"{_shown(url)} cannot be fetched: {reason}", field="url")

    async def _follow(self, url: str, rules: FetchRules) -> Document:
        for _ in range(rules.max_redirects + 1):
            target = _target(url)
            if not permitted(target, rules.allow):
                raise Refused(f"{target.host} is not among the hosts that are allowed here", blocked="host")
            found = await self._get(target, rules)
            if isinstance(found, Document):
                return found
            url = redirected(url, found)
        raise Refused(f"it is redirected more than {rules.max_redirects} times")

    async def _get(self, target: Target, rules: FetchRules) -> Document | str:
        """Return what is there, or where it is said to be instead."""
        self._tls = self._tls or default_tls()
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.target)
        request = httpcore.Request("GET", url, headers=[("host", target.authority), *_HEADERS])
        network = _Pinned(self._resolve, self._judge)
        connection = httpcore.AsyncHTTPConnection(url.origin, self._tls, network_backend=network)
        with translated():
            async with (
                aclosing(network),
                aclosing(connection),
                aclosing(await connection.handle_async_request(request)) as answer,
            ):
                return await _read(answer, rules)


class _Pinned(httpcore.AnyIOBackend):
    """Connects to an address that was looked at, and to no other."""

    def __init__(self, resolve: Resolve, judge: Judge) -> None:
        self._resolve = resolve
        self._judge = judge
        self._opened: list[httpcore.AsyncNetworkStream] = []

    async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        # One private address among public ones is a trap, not an oversight. Which one is nobody's business.
        if not all(self._judge(address) for address in addresses):
            raise Refused("its host has an address that is not public", blocked="address")
        for address in addresses:
            with suppress(httpcore.ConnectError):
                self._opened.append(await super().connect_tcp(str(address), port, *rest, **options))
                return self._opened[-1]
        raise httpcore.ConnectError("None of its addresses could be reached.")

    async def aclose(self) -> None:
        """Close what was opened: httpcore leaves it open where a handshake fails or is cancelled."""
        for stream in self._opened:
            await stream.aclose()


def _target(url: str) -> Target:
    try:
        return target_of(url)
    except Refused as exc:
        exc.blocked = "url"
        raise


async def resolved(host: str, port: int) -> list[Address]:
    """Return all addresses of a host, the one to try first in front. Errors: Refused when there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise Refused("its host has no address") from exc
    # IPv4 first: a machine without a way into IPv6 may still resolve it.
    return sorted((parsed(str(entry[4][0])) for entry in found), key=lambda address: address.version)


def permitted(target: Target, allow: list[str]) -> bool:
    """Whether a host may be asked: `host` globs mean ports 80 and 443, `host:port` the one they name."""
    for glob in allow:
        host, colon, port = glob.lower().rpartition(":")
        if colon and port.isdecimal():
            if int(port) == target.port and fnmatchcase(target.host, host):
                return True
        elif target.port in (80, 443) and fnmatchcase(target.host, glob.lower()):
            return True
    return False


async def _read(answer: httpcore.Response, rules: FetchRules) -> Document | str:
    headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    if answer.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    if answer.status != 200:
        raise Refused(f"it is answered with HTTP status {answer.status}")
    if headers.get("content-encoding", "identity") != "identity":
        raise Refused("it is sent compressed, which was not asked for")
    claimed = headers.get("content-type", "")
    data = await _body(answer, headers.get("content-length", ""), claimed, rules)
    return Document(_checked(media_type(data, claimed), rules), data)


def _checked(kind: str, rules: FetchRules) -> str:
    if not kind or not accepted(kind, rules.types):
        raise Refused(
            f"its content ({kind or 'unknown'}) is not among the types accepted here ({', '.join(rules.types)})"
        )
    return kind


async def _body(answer: httpcore.Response, length: str, claimed: str, rules: FetchRules) -> bytes:
    """Read no more than is allowed, and no further than the first bytes of what is not wanted."""
    too_large = Refused(f"the documents of a request may hold no more than {rules.room.size} bytes together")
    if length.isdecimal() and int(length) > rules.room.left:
        raise too_large
    data = bytearray()
    async for piece in answer.aiter_stream():
        known = len(data) >= ENOUGH
        data += piece
        if not rules.room.take(len(piece)):
            raise too_large
        if not known and len(data) >= ENOUGH and sniffed(data):
            _checked(media_type(bytes(data), claimed), rules)
    return bytes(data)


def _shown(url: str) -> str:
    """The URL without its query, which may hold a secret."""
    return url.partition("?")[0].partition("#")[0][:200]
