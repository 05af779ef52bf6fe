"""A request's head, where it is as plain as client libraries make it; everything else is hypercorn's to judge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from msgspec import Struct

if TYPE_CHECKING:
    from pipeline.exchange import Headers

HEAD_LIMIT: Final = 64 * 1024

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
# There is one way only to match each line: what fails does so in one pass, however many lines it has.
_PLAIN: Final = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1((?:\r\n" + _TOKEN + rb":[\t\x20-\x7e]*+)++)"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")

# What decides how a request is framed, or changes what is spoken on the connection.
_TELLING: Final = frozenset(
    (
        *(b"host", b"content-length", b"connection", b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer"),
        *(b"keep-alive", b"proxy-connection", b"http2-settings"),
    )
)


class PlainRequest(Struct):
    """The head of a request.

    Shape: names in lower case; `length` of the body in bytes, which begins with `rest`; `keep_alive` unless the caller
        asks to close.
    """

    method: str
    target: bytes
    headers: Headers
    length: int
    keep_alive: bool
    rest: bytes

    def scope(self, client: tuple[str, int] | None, server: tuple[str, int] | None) -> dict[str, Any]:
        """Return it as ASGI wants it. Source: ASGI specification, HTTP connection scope, version 2.1."""
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": client,
            "server": server,
            "state": {},
            "extensions": {},
        }


def plain_request(data: bytes) -> PlainRequest | None:
    """Return the request that begins here; None when hypercorn has to look at it.

    Shape: a head that is whole, of HTTP/1.1, in ASCII, with one Host, no coding of its body and no wish to speak
        anything else.
    PERF: ten headers in 5 us, where h11 takes 31 (benchmarks/unary.py).
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    plain = _PLAIN.fullmatch(head) if end and len(head) <= HEAD_LIMIT else None
    if plain is None:
        return None
    headers: Headers = []
    telling: list[tuple[bytes, bytes]] = []
    for line in plain[3].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        field = (name.lower(), value.strip(b" \t"))
        headers.append(field)
        if field[0] in _TELLING:
            telling.append(field)
    framing = _framing(telling)
    if framing is None:
        return None
    return PlainRequest(plain[1].decode(), plain[2], headers, *framing, rest)


def _framing(telling: list[tuple[bytes, bytes]]) -> tuple[int, bool] | None:
    """Return the body's length and whether the connection stays; None for what is not plain."""
    told = dict(telling)
    length, connection = told.pop(b"content-length", b"0"), told.pop(b"connection", b"keep-alive").lower()
    plain = (
        bool(told.pop(b"host", b""))
        and not told.keys() - {b"keep-alive"}
        and connection in (b"keep-alive", b"close")
        and _LENGTH.fullmatch(length) is not None
        and len({name for name, _ in telling}) == len(telling)
    )
    return (int(length), connection == b"keep-alive") if plain else None
