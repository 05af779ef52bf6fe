"""What is read here is read as h11 would, and what is not plain is left to it."""

from __future__ import annotations

import time

import h11
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from adapters.serving.plain_request import HEAD_LIMIT, PlainRequest, plain_request

HEAD = b"POST /v1/chat/completions?alt=sse&x=%20 HTTP/1.1\r\nHost: pollux.example:8080\r\n"


def read_by_h11(data: bytes) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], int] | None:
    """Return what h11 makes of the bytes: method, target, headers, the body's length; None where it reads no request.

    Shape: the length is that of the body which follows when there are bytes enough.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)
    try:
        connection.receive_data(data)
        request = connection.next_event()
        if not isinstance(request, h11.Request):
            return None
        length, piece = 0, connection.next_event()
        while piece is not h11.NEED_DATA and not isinstance(piece, h11.EndOfMessage):
            assert isinstance(piece, h11.Data)
            length, piece = length + len(piece.data), connection.next_event()
    except h11.RemoteProtocolError:
        return None
    return bytes(request.method), bytes(request.target), [(bytes(n), bytes(v)) for n, v in request.headers], length


def agrees(data: bytes) -> bool:
    """Return whether the bytes are plain; assert that then h11 reads the same of them."""
    plain = plain_request(data)
    if plain is None:
        return False
    missing = max(plain.length - len(plain.rest), 0)
    theirs = read_by_h11(data + b"x" * missing) if missing < 100_000 else read_by_h11(data)
    assert theirs is not None, "h11 refuses what was taken as plain"
    method, target, headers, length = theirs
    assert (plain.method.encode(), plain.target, plain.headers) == (method, target, headers)
    assert missing >= 100_000 or plain.length == length
    return True


def test_ordinary_request_is_read_whole():
    head = HEAD + b"Content-Type: application/json\r\nX-A:\tb \r\nX-Empty:\r\nContent-Length: 0005\r\n\r\n"
    request = plain_request(head + b'{"a"')
    assert request == PlainRequest(
        method="POST",
        target=b"/v1/chat/completions?alt=sse&x=%20",
        headers=[
            (b"host", b"pollux.example:8080"),
            (b"content-type", b"application/json"),
            (b"x-a", b"b"),
            (b"x-empty", b""),
            (b"content-length", b"0005"),
        ],
        length=5,
        keep_alive=True,
        rest=b'{"a"',
    )


def test_scope_is_what_asgi_says():
    request = plain_request(b"GET /a%20b/%E4%B8%AD?q=%20 HTTP/1.1\r\nhost: x\r\n\r\n")
    assert request is not None
    scope = request.scope(("127.0.0.1", 5), ("127.0.0.1", 80))
    assert (scope["path"], scope["raw_path"]) == ("/a b/中", b"/a%20b/%E4%B8%AD")
    assert (scope["query_string"], scope["method"], scope["http_version"]) == (b"q=%20", "GET", "1.1")
    assert (scope["client"], scope["server"]) == (("127.0.0.1", 5), ("127.0.0.1", 80))


@pytest.mark.parametrize(
    ("field", "keep_alive"),
    [
        (b"", True),
        (b"Connection: keep-alive\r\n", True),
        (b"Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n", True),
        (b"Connection: close\r\n", False),
        (b"CONNECTION:Close\r\n", False),
    ],
)
def test_connection_stays_unless_the_caller_wants_to_close(field, keep_alive):
    request = plain_request(HEAD + field + b"\r\n")
    assert request is not None
    assert request.keep_alive is keep_alive


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00",
        HEAD,
        HEAD + b"\r",
        b"\r\n" + HEAD + b"\r\n",
        b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nhost: a\n\n",
        b"GET /\xe4 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"host: b\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\ncontent-length: 1\r\n\r\nx",
        HEAD + b"transfer-encoding\t: chunked\r\n\r\n",
        HEAD + b"content-length : 5\r\n\r\nhello",
        HEAD + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx",
        HEAD + b"content-length: 1, 1\r\n\r\nx",
        HEAD + b"content-length: +1\r\n\r\nx",
        HEAD + b"content-length: -1\r\n\r\nx",
        HEAD + b"content-length: 0x1\r\n\r\nx",
        HEAD + b"content-length: 1_0\r\n\r\n",
        HEAD + b"content-length:\r\n\r\n",
        HEAD + b"content-length: 1000000000000000\r\n\r\n",
        HEAD + b"expect: 100-continue\r\ncontent-length: 1\r\n\r\n",
        HEAD + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n",
        HEAD + b"connection: close, te\r\n\r\n",
        HEAD + b"connection:\r\n\r\n",
        HEAD + b"te: trailers\r\n\r\n",
        HEAD + b"a: b\r\n folded\r\n\r\n",
        HEAD + b": nameless\r\n\r\n",
        HEAD + b"a: \xe4\r\n\r\n",
        HEAD + b"a: b\rc: d\r\n\r\n",
        HEAD + b"a: b\nc: d\r\n\r\n",
        HEAD + b"a: b\x00\r\n\r\n",
        HEAD + b"a: b\x0b\r\n\r\n",
        HEAD + b"a: " + b"b" * HEAD_LIMIT + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost:\r\n\r\n",
    ],
)
def test_what_is_not_plain_is_left_to_hypercorn(data):
    assert plain_request(data) is None


@pytest.mark.parametrize("last", [b"a: \xff", b"a b: c", b" folded", b"a: b\nc: d"])
def test_head_that_is_not_plain_is_refused_in_one_pass(last):
    head = HEAD + b"a:\t \t b\r\n" * 6000 + last + b"\r\n\r\n"
    began = time.perf_counter()
    assert plain_request(head) is None
    assert time.perf_counter() - began < 0.5


# The law: what is taken as plain, h11 reads to the same.

TOKEN = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=9).map(str.encode)
VALUE = st.binary(max_size=12).map(lambda raw: bytes(32 + byte % 95 for byte in raw)) | st.just(b"a\tb")
BLANK = st.sampled_from([b"", b" ", b"\t", b"  ", b" \t "])
NAMED = st.sampled_from(
    [
        *(b"Host: b", b"Content-Length: 3", b"content-length: 03", b"Connection: close", b"connection: keep-alive"),
        *(b"Keep-Alive: 5", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Upgrade: h2c", b"TE: trailers"),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = b"%b /%b HTTP/1.1" % (draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE"])), draw(TOKEN))
    fields = draw(st.lists(st.builds(b"%b:%b%b%b".__mod__, st.tuples(TOKEN, BLANK, VALUE, BLANK)), max_size=5))
    fields.append(b"Host:%bexample%b" % (draw(BLANK), draw(BLANK)))
    body = draw(st.binary(max_size=20))
    if body:
        fields.append(b"Content-Length: %d" % len(body))
    fields = draw(st.permutations(fields))
    return b"\r\n".join([line, *fields, b"", b""]) + body + draw(st.sampled_from([b"", b"GET / HTTP/1.1\r\n\r\n"]))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(requests())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["insert", "delete", "replace", "line", "named", "blank"])):
            case "insert":
                data = data[:at] + draw(st.binary(min_size=1, max_size=3)) + data[at:]
            case "delete":
                data = data[:at] + data[at + 1 :]
            case "replace":
                odd = draw(st.sampled_from(b"\r\n\t\x0b\x0c\x00 :,;\x7f\x80\xff0+-_") | st.integers(0, 255))
                data = data[:at] + bytes([odd]) + data[at + 1 :]
            case "blank":
                data = data[:at] + draw(st.sampled_from([b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n "])) + data[at:]
            case "line":
                lines = data.split(b"\r\n")
                lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
                data = b"\r\n".join(lines)
            case "named":
                line, rest = data.split(b"\r\n", 1) if b"\r\n" in data else (data, b"")
                data = line + b"\r\n" + draw(NAMED) + b"\r\n" + rest
    return data


@given(requests())
def test_plain_request_is_read_as_h11_reads_it(data):
    assert agrees(data)


@settings(max_examples=1500)
@given(mutated())
@example(HEAD + b"content-length: 1\r\nContent-Length: 2\r\n\r\nxy")
def test_whatever_is_taken_as_plain_h11_reads_to_the_same(data):
    event("plain" if agrees(data) else "not plain")
