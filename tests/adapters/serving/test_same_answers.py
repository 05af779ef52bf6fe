"""The law of serving: our server and a bare hypercorn give the same answers to the same bytes, however split."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.adapters.serving.site import SOON, Scope, Visitor, body_of, say, site

Seen = tuple[list[tuple[int, bytes, bool]], bool]
"""Status, body and wholeness of each answer; whether the connection ended then."""

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\n\r\n"


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Echo; the path says in what way."""
    if scope["path"] == "/refuse":
        await say(send, b"refused", 403)
        return
    if scope["path"] == "/fail":
        raise LookupError
    body = await body_of(receive)
    line = b"%b %b?%b " % (scope["method"].encode(), scope["raw_path"], scope["query_string"])
    match scope["path"]:
        case "/empty":
            await say(send, b"", 204)
        case "/chunked":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for piece in (line, b"", body):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
        case "/break":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise LookupError
        case _:
            await say(send, line + body, 200, (b"content-length", b"%d" % len(line + body)))


@contextlib.asynccontextmanager
async def bare() -> AsyncIterator[int]:
    """Serve with hypercorn alone, set up as ours sets it up; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        config.h11_max_incomplete_size = 64 * 1024
        config.accesslog = config.errorlog = None
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            await serving
            listener.detach()


async def seen(port: int, pieces: list[bytes], methods: list[str]) -> Seen:
    """Send the pieces and return what came back: one answer for each method, unless the connection ends before."""
    visitor = Visitor(*await asyncio.open_connection("127.0.0.1", port))
    answers: list[tuple[int, bytes, bool]] = []
    try:
        with contextlib.suppress(ConnectionError):
            await visitor.send(*pieces)
        for method in methods:
            answer = await visitor.answer(method)
            if not answer.status:
                return answers, True
            answers.append((answer.status, answer.body, answer.whole))
        return answers, not await visitor.is_open(0.01)
    finally:
        visitor.writer.transport.abort()


class Request:
    """Bytes and the method that they are taken to ask with."""

    def __init__(self, method: str, data: bytes) -> None:
        self.method = method
        self.data = data

    def __repr__(self) -> str:
        return repr(self.data)


def asks(line: bytes, *fields: bytes, body: bytes = b"") -> Request:
    head = b"\r\n".join([line, b"Host: pollux.example", *fields, b"", b""])
    return Request(line.split(b" ")[0].decode(), head + body)


def sends(path: bytes, body: bytes, *fields: bytes) -> Request:
    return asks(b"POST %b HTTP/1.1" % path, *fields, b"Content-Length: %d" % len(body), body=body)


PATHS = st.sampled_from([b"/", b"/a?b=c", b"/empty", b"/chunked", b"/%C3%A4"])
PLAIN = st.one_of(
    st.builds(lambda path: asks(b"GET %b HTTP/1.1" % path, b"X-A:\tb "), PATHS),
    st.builds(lambda path: asks(b"DELETE %b HTTP/1.1" % path, b"Connection: keep-alive"), PATHS),
    st.builds(sends, PATHS, st.binary(max_size=200)),
)
SAME_LENGTH = (b"Content-Length: 2", b"content-length: 2")
NOT_PLAIN = st.one_of(
    st.sampled_from(
        [
            asks(b"HEAD /a HTTP/1.1"),
            asks(
                b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: u\r\n\r\n"
            ),
            asks(b"POST / HTTP/1.1", b"transfer-encoding: chunked", b"te: trailers", body=b"0\r\n\r\n"),
            asks(b"POST / HTTP/1.1", *SAME_LENGTH, body=b"{}"),
            asks(b"GET / HTTP/1.1", b"X-A: b\r\n folded"),
            asks(b"GET / HTTP/1.1", b"X-A: \xe4"),
            asks(b"GET / HTTP/1.1", b"Connection: keep-alive, x"),
            asks(b"TRACE / HTTP/1.1"),
            asks(b"GET http://pollux.example/a HTTP/1.1"),
            Request("GET", b"GET /a HTTP/1.1\nhost: a\n\n"),
        ]
    ),
)
LAST_WORDS = st.sampled_from(
    [
        Request("GET", LAST),
        asks(b"GET / HTTP/1.1", b"Connection: close"),
        sends(b"/", b"abc", b"connection: CLOSE"),
        asks(b"GET / HTTP/1.0"),
        asks(b"POST / HTTP/1.0", b"content-length: 3", body=b"abc"),
        asks(b"GET /refuse HTTP/1.1"),
        asks(b"GET /fail HTTP/1.1"),
        asks(b"GET /break HTTP/1.1"),
        asks(b"POST / HTTP/1.1", b"content-length: 2", b"content-length: 3", body=b"abc"),
        asks(b"POST / HTTP/1.1", b"content-length: 3", b"transfer-encoding: gzip", body=b"abc"),
        asks(b"POST / HTTP/1.1", b"content-length: x", body=b"abc"),
        asks(b"POST / HTTP/1.1", b"content-length : 3", body=b"abc"),
        asks(b"POST / HTTP/1.1", b"transfer-encoding: chunked", body=b"zz\r\nabc\r\n"),
        asks(b"GET / HTTP/1.1", b"Host: another.example"),
        asks(b"GET / HTTP/1.1", b"X-A: b\x00"),
        asks(b"GET / HTTP/1.1", b"X A: b"),
        asks(b"GET /\xe4 HTTP/1.1"),
        Request("GET", b"GET / HTTP/1.1\r\n\r\n"),
        Request("GET", b"\x16\x03\x01\x00 this is TLS\r\n\r\n"),
        Request("GET", b"\r\n" + LAST),
    ]
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Request], list[int]]:
    """Return requests, and where their bytes are split."""
    asked = [*draw(st.lists(PLAIN | PLAIN | NOT_PLAIN, max_size=4)), draw(LAST_WORDS)]
    size = sum(len(each.data) for each in asked)
    return asked, sorted(draw(st.sets(st.integers(1, size - 1), max_size=4)))


async def both(asked: list[Request], cuts: list[int]) -> tuple[Seen, Seen]:
    data, methods = b"".join(each.data for each in asked), [each.method for each in asked]
    pieces = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    async with site(app) as it, bare() as port:
        async with asyncio.timeout(SOON * 5):
            return await seen(it.port, pieces, methods), await seen(port, pieces, methods)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@settings(max_examples=60)
@given(conversations())
@example(([asks(b"GET / HTTP/1.1"), asks(b"HEAD /a HTTP/1.1"), Request("GET", LAST)], []))
@example(([sends(b"/chunked", b"abc"), asks(b"GET / HTTP/1.0")], [3, 90]))
@example(([asks(b"GET /break HTTP/1.1")], []))
def test_same_bytes_get_the_same_answers(run, conversation):
    async def ask() -> None:
        ours, theirs = await both(*conversation)
        assert ours == theirs

    main: Coroutine[Any, Any, None] = ask()
    run(main)
