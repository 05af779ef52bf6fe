"""The hot way to upstream: HTTP/1.1 on connections that are kept open and used again."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.transport_connection import Connection, Timeouts, Unheard
from pipeline.errors import Broken, InternalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.transport_answer import Http1Answer
    from pipeline.exchange import Headers
    from pipeline.ports import Call, Origin

__all__ = ["Http1Transport", "Timeouts"]

MAX_IDLE = 1024
"""How many unused connections are kept per origin."""

DEFAULT_PORTS = {"http": 80, "https": 443}

TARGET = re.compile(r"[\x21-\x7e]+")

ObserveConnect = Callable[["Origin", float], None]


class Connections:
    """The connections to one origin; of the unused ones, the last to come back goes first."""

    def __init__(self, origin: Origin, max_idle: int) -> None:
        self.origin = origin
        self.host = host_header(origin)
        self.max_idle = max_idle
        self.idle: list[Connection] = []
        self.active = 0

    def take(self) -> Connection | None:
        """Return an unused connection, the one used last: the others may expire."""
        if not self.idle:
            return None
        self.active += 1
        return self.idle.pop()

    def add(self, connection: Connection) -> None:
        """Count a new connection, made for a call."""
        self.active += 1
        connection.keep()

    def free(self, connection: Connection) -> None:
        if len(self.idle) >= self.max_idle:
            connection.abort()
            return
        self.active -= 1
        self.idle.append(connection)

    def lost(self, connection: Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)
        else:
            self.active -= 1

    def close(self) -> None:
        """Close the unused ones, and each busy one once its answer is complete."""
        self.max_idle = 0
        for connection in self.idle.copy():
            connection.abort()


class Http1Transport:
    """Sends calls over HTTP/1.1, one at a time per connection, on any number of connections per origin.

    Shape: `observe_connect` is told the origin and the seconds each new connection took, TLS included.
    """

    def __init__(
        self,
        timeouts: Timeouts | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        max_idle: int = MAX_IDLE,
        observe_connect: ObserveConnect | None = None,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._tls = tls or default_tls()
        self._max_idle = max_idle
        self._observe_connect = observe_connect
        self._origins: dict[Origin, Connections] = {}

    async def send(self, call: Call) -> Http1Answer:
        origin = call.origin
        connections = self._origins.get(origin)
        if connections is None:
            connections = self._origins[origin] = Connections(origin, self._max_idle)
        request = request_bytes(call, connections.host)
        head_only = call.method == "HEAD"
        connection = connections.take()
        if connection is not None:
            try:
                return await connection.call(request, head_only=head_only)
            except Unheard:
                # Upstream let go of the unused connection while the call was on its way (RFC 9112 §9.3.1).
                pass
        connection = await self._connect(connections)
        return await connection.call(request, head_only=head_only)

    async def close(self) -> None:
        for connections in self._origins.values():
            connections.close()
        await asyncio.sleep(0)  # asyncio closes the sockets in its next round

    def counts(self) -> Mapping[Origin, tuple[int, int]]:
        """Return the number of unused and of busy connections by origin."""
        return {origin: (len(each.idle), each.active) for origin, each in self._origins.items()}

    async def _connect(self, connections: Connections) -> Connection:
        origin, loop = connections.origin, asyncio.get_running_loop()
        encrypted = origin.scheme == "https"
        began = loop.time()
        try:
            async with asyncio.timeout(self._timeouts.connect):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._timeouts, connections),
                    origin.host,
                    origin.port,
                    ssl=self._tls if encrypted else None,
                    server_hostname=origin.host if encrypted else None,
                )
        except TimeoutError as exc:
            message = f"No connection to {origin.host} within {self._timeouts.connect:g} s."
            raise Broken(message, status=504, error_type="provider_connect") from exc
        except (OSError, UnicodeError) as exc:  # refused, unknown or impossible name, bad certificate
            raise Broken(f"No connection to {origin.host}: {exc}", error_type="provider_connect") from exc
        connections.add(connection)
        if self._observe_connect is not None:
            self._observe_connect(origin, loop.time() - began)
        return connection


def request_bytes(call: Call, host: bytes) -> bytes:
    """Return the whole request. Errors: InternalError when its head would not be one request's."""
    # PERF: 2 us; h11 takes 14 us to check a head that we made ourselves (benchmarks/transport.py).
    if not TARGET.fullmatch(call.target):
        raise InternalError("This URL cannot be sent upstream.")
    lines = [b"%b %b HTTP/1.1" % (call.method.encode(), call.target.encode())]
    lines += [b"%b: %b" % field for field in request_headers(call, host)]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    ends = len(lines) + 1
    if head.count(b"\r") != ends or head.count(b"\n") != ends or b"\0" in head:
        raise InternalError("A header cannot be sent upstream.")
    return head + call.body


def request_headers(call: Call, host: bytes) -> Headers:
    """Return a call's headers with those that only the transport knows."""
    headers = [(b"host", host), *call.headers]
    if all(name != b"accept-encoding" for name, _ in call.headers):
        headers.append((b"accept-encoding", b"gzip"))
    if call.body or call.method not in ("GET", "HEAD"):
        headers.append((b"content-length", b"%d" % len(call.body)))
    return headers


def host_header(origin: Origin) -> bytes:
    """Return what `host` says for this origin (RFC 9110 §7.2)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != DEFAULT_PORTS.get(origin.scheme):
        host = f"{host}:{origin.port}"
    return host.encode("ascii" if host.isascii() else "idna")


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Return Python's defaults with the system's certificates; loading those takes 20 ms, so once."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
