"""HTTP that is not hot, and the way to upstream through a proxy: what httpcore does for us.

This is the one file that knows httpcore's exceptions.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpcore
import socksio
from msgspec import Struct

from adapters.transport import MAX_IDLE, Timeouts, default_tls, host_header, request_headers
from adapters.transport_answer import ANSWER_LIMIT, gather
from adapters.transport_inflater import inflater
from pipeline.errors import Broken, InternalError, ProxyError
from pipeline.ports import Call, Origin, Take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.exchange import Headers

OPENED: ContextVar[list[httpcore.AsyncNetworkStream]] = ContextVar("OPENED")
"""The connections that the call under way has opened."""

FETCH_LIMIT = 4 * 1024 * 1024
"""The longest document that is fetched, unless told otherwise."""

FETCH_TIMEOUT = 15.0
"""Seconds in which a document has to arrive: requests wait for tokens, and another credential may have one."""


class Fetched(Struct, frozen=True):
    """A document and how it was answered. Shape: header names in lower case; `body` is decompressed."""

    status: int
    headers: Headers
    body: bytes


class Egress:
    """Fetches single documents: tokens, projects, user information. Redirects are not followed.

    Shape: `proxy` as for ProxiedTransport.
    """

    def __init__(self, proxy: str = "", *, tls: ssl.SSLContext | None = None) -> None:
        self._transport = ProxiedTransport(proxy, tls=tls)

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        timeout: float = FETCH_TIMEOUT,  # noqa: ASYNC109 - translated here, so that callers only know our own errors
        limit: int = FETCH_LIMIT,
    ) -> Fetched:
        """Ask once and return the whole answer, whatever its status.

        Units: `timeout` is seconds for everything together; `limit` is bytes once decompressed.
        Errors: Broken (provider_connect, provider_timeout, provider_cut, provider_malformed).
        """
        where = httpcore.URL(url)
        origin = Origin(where.scheme.decode(), where.host.decode(), where.origin.port)
        call = Call(origin, where.target.decode(), headers or [], body, method)
        with translated():
            async with asyncio.timeout(timeout):
                answer = await self._transport.send(call)
                try:
                    return Fetched(answer.status, answer.headers, await answer.read_all(limit))
                finally:
                    answer.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


class ProxiedTransport:
    """Sends calls through an HTTP or SOCKS5 proxy.

    Shape: `proxy` is http://, https:// or socks5:// with an optional user and password; empty goes directly.
    """

    def __init__(
        self,
        proxy: str = "",
        timeouts: Timeouts | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        max_idle: int = MAX_IDLE,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._closing: set[asyncio.Task[None]] = set()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or default_tls(),
            max_connections=None,
            max_keepalive_connections=max_idle,
            keepalive_expiry=self._timeouts.keep_alive,
            proxy=_proxy(proxy) if proxy else None,
            network_backend=Network(),
        )

    async def send(self, call: Call) -> HttpcoreAnswer:
        origin, limits = call.origin, self._timeouts
        # httpcore looks at `read` anew when a body begins, so there `idle` can stand for `first_byte`.
        seconds = {"connect": limits.connect, "read": limits.first_byte}
        request = httpcore.Request(
            call.method,
            httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=call.target),
            headers=request_headers(call, host_header(origin)),
            content=call.body,
            extensions={"timeout": seconds},
        )
        opened: list[httpcore.AsyncNetworkStream] = []
        OPENED.set(opened)
        try:
            with translated():
                # httpcore talks to a SOCKS proxy without any timeout, and lets a request take its time.
                async with asyncio.timeout(limits.connect + limits.first_byte):
                    response = await self._pool.handle_async_request(request)
        except (ProxyError, asyncio.CancelledError):
            for stream in opened:
                self.let_go(stream)
            raise
        seconds["read"] = limits.idle
        return HttpcoreAnswer(response, self)

    def let_go(self, what: httpcore.Response | httpcore.AsyncNetworkStream) -> None:
        """Close a connection soon: httpcore can only do it in a task."""
        task = asyncio.get_running_loop().create_task(what.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._closing)
        await self._pool.aclose()


class Network(httpcore.AnyIOBackend):
    """Notes in `OPENED` what a call opens: httpcore leaves it open where a handshake fails or is cancelled."""

    async def connect_tcp(self, *where: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        stream = await super().connect_tcp(*where, **options)
        OPENED.get().append(stream)
        return stream


class HttpcoreAnswer:
    """The answer to one call, as httpcore reads it."""

    def __init__(self, response: httpcore.Response, transport: ProxiedTransport) -> None:
        self.status: int = response.status
        self.headers: Headers = [(name.lower(), value) for name, value in response.headers]
        self._response = response
        self._transport = transport
        self._parts = aiter(response.aiter_stream())
        self._complete = False
        self._closed = False
        try:
            self._inflater = inflater(self.headers)
        except Broken:
            self.close()
            raise

    async def read(self) -> bytes:
        while not self._complete:
            if self._closed:
                raise Broken("This answer was closed.", error_type="provider_cut")
            more = self._inflater is not None and self._inflater.more
            if data := self._inflate(b"") if more else await self._next():
                return data
        return b""

    async def pour(self, take: Take) -> bool:
        while data := await self.read():
            if not take(data):
                return False
        return True

    async def read_all(self, limit: int = ANSWER_LIMIT) -> bytes:
        return await gather(self, limit)

    def close(self) -> None:
        if not self._complete and not self._closed:
            self._closed = True
            self._transport.let_go(self._response)

    async def _next(self) -> bytes:
        """Return what the next network read brought, decompressed; at the end give the connection back."""
        try:
            with translated():
                async for data in self._parts:
                    return self._inflate(data)
                await self._response.aclose()
        except (Broken, asyncio.CancelledError):
            self.close()
            raise
        self._complete = True
        if self._inflater is not None:
            self._inflater.finish()
        return b""

    def _inflate(self, data: bytes) -> bytes:
        return data if self._inflater is None else self._inflater.inflate(data)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what httpcore and its SOCKS library raise into our own errors."""
    try:
        yield
    except (TimeoutError, httpcore.ReadTimeout, httpcore.WriteTimeout) as exc:
        raise Broken("Upstream did not answer in time.", status=504, error_type="provider_timeout") from exc
    except (
        httpcore.ConnectError,
        httpcore.TimeoutException,
        httpcore.ProxyError,
        socksio.ProtocolError,
    ) as exc:
        raise Broken(f"No connection to upstream: {exc}", error_type="provider_connect") from exc
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as exc:
        raise Broken("Upstream's answer ended early.", error_type="provider_cut") from exc
    except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol) as exc:
        raise InternalError("This request cannot be sent upstream.") from exc


def _proxy(url: str) -> httpcore.Proxy:
    parts = urlsplit(url)
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), auth=auth)
