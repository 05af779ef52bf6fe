"""The plain head: whatever it accepts, h11 reads the same way."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport_answer import ASKED
from adapters.transport_head import plain_head

NAMES = st.sampled_from(
    ["content-length", "Content-Length", "transfer-encoding", "connection", "X-A", "date", "a:b", ""]
)
VALUES = st.sampled_from(
    ["0", "12", "chunked", "Chunked", "gzip", " 5 ", "close", "", "a, b", "\u00e9", "1, 1", "-1", "+1"]
)
HEADS = st.builds(
    lambda status, headers, ends, rest: (
        (f"HTTP/1.1 {status}" + "".join(f"\r\n{name}:{value}" for name, value in headers) + ends).encode("latin-1")
        + rest
    ),
    st.sampled_from(["200 OK", "200", "204 No Content", "100 Continue", "404 Not Found", "99 X", "600 X", "2x0 X"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
    st.sampled_from(["\r\n\r\n", "\n\n", "\r\n", ""]),
    st.sampled_from([b"", b"abc", b"\r\n\r\nx"]),
)


@given(HEADS)
def test_plain_head_is_read_as_h11_reads_it(data: bytes) -> None:
    plain = plain_head(data)
    if plain is None:
        return
    parser = h11.Connection(h11.CLIENT)
    parser.send(ASKED)
    parser.receive_data(data)
    event = parser.next_event()
    assert isinstance(event, h11.Response)
    status, headers, rest = plain
    # h11 spells the one coding it knows in lower case.
    spelt = [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in headers]
    assert (status, spelt) == (event.status_code, list(event.headers))
    assert rest == parser.trailing_data[0]


@pytest.mark.parametrize("framing", ["content-length: 3", "transfer-encoding: chunked", "Content-Length:3"])
def test_google_head_is_plain(framing: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n{framing}\r\n\r\nabc"
    assert plain_head(head.encode()) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\ncontent-length: 3\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
    ],
)
def test_head_that_is_not_plain_is_left_to_h11(data: bytes) -> None:
    assert plain_head(data) is None
