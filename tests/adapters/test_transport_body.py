"""Our body readers against h11: the same bytes, however the network splits them."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport_body import LINE_LIMIT, Chunked, Sized, UntilClose, body_reader
from pipeline.errors import Broken

EXTENSIONS = st.sampled_from([b"", b" ", b"\t", b";a=b", b';a="b;c" \t', b";"])
TRAILERS = st.sampled_from([b"", b"x-checksum: 1\r\n", b"a:\r\nb: c d\r\n"])
DAMAGE = st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"x", b"0", b"-1", b"0x1", b";", b" ", b"\0"])


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
    sizes = [draw(st.sampled_from([b"%x", b"%X", b"%04x"])) % len(chunk) + draw(EXTENSIONS) for chunk in chunks]
    framed = b"".join(size + b"\r\n" + chunk + b"\r\n" for size, chunk in zip(sizes, chunks, strict=True))
    return framed + draw(st.sampled_from([b"0", b"000"])) + draw(EXTENSIONS) + b"\r\n" + draw(TRAILERS) + b"\r\n"


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = draw(chunked())
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 3)))
    return data[:start] + draw(DAMAGE) + data[end:]


@st.composite
def split(draw: st.DrawFn, body: st.SearchStrategy[bytes]) -> list[bytes]:
    data = draw(body)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def by_us(reads: list[bytes]) -> tuple[bytes, bool, bytes] | None:
    """Payload, whether complete, and what came after it; None where malformed."""
    pieces: list[bytes] = []
    reader, after = Chunked(), b""
    try:
        for read in reads:
            if reader.done:
                after += read
            else:
                reader.feed(read, pieces)
    except Broken:
        return None
    return b"".join(pieces), reader.done, reader.surplus + after


def by_h11(reads: list[bytes]) -> tuple[bytes, bool, bytes] | None:
    parser, payload = h11.Connection(h11.CLIENT), b""
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    done = False
    try:
        for read in reads:
            if read:
                parser.receive_data(read)
            while not done and (event := parser.next_event()) is not h11.NEED_DATA:
                done = isinstance(event, h11.EndOfMessage)
                if isinstance(event, h11.Data):
                    payload += event.data
    except h11.RemoteProtocolError:
        return None
    return payload, done, parser.trailing_data[0]


@given(split(st.builds(bytes.__add__, chunked(), st.sampled_from([b"", b"\r\n", b"HTTP/1.1 200 OK\r\n"]))))
def test_chunked_body_split_anywhere_is_read_as_h11_reads_it(reads):
    assert by_us(reads) == by_h11(reads)


@given(split(damaged()))
def test_damaged_chunks_are_refused_or_read_as_h11_reads_them(reads):
    ours, theirs = by_us(reads), by_h11(reads)
    # We may refuse more, and h11 may notice a hopeless line sooner: no payload may differ, and no end be made up.
    if ours is not None and ours[1]:
        assert ours == theirs
    elif ours is not None and theirs is not None:
        assert not theirs[1]
        assert ours[0] == theirs[0]


@given(split(st.binary(max_size=60)), st.integers(0, 80))
def test_sized_body_takes_its_length_and_no_more(reads, length):
    pieces: list[bytes] = []
    reader, whole, after = Sized(length), b"".join(reads), b""
    for read in reads:
        if reader.done:
            after += read
        else:
            reader.feed(read, pieces)
    assert b"".join(pieces) == whole[:length]
    assert reader.surplus + after == whole[length:]
    assert reader.done == (len(whole) >= length)


def test_chunk_passes_on_as_it_comes_and_is_not_gathered():
    pieces: list[bytes] = []
    reader = Chunked()
    reader.feed(b"5000\r\nabc", pieces)
    assert pieces == [b"abc"]


@pytest.mark.parametrize(("begin", "more"), [(b"", b"f"), (b"5;", b"x"), (b"0\r\n", b"a"), (b"0\r\n", b"a: b\r\n")])
def test_endless_framing_is_refused(begin, more):
    with pytest.raises(Broken):
        Chunked().feed(begin + more * (LINE_LIMIT + 1), [])


def test_head_announces_its_body_by_the_order_of_the_rfc():
    both = [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")]
    assert isinstance(body_reader(both, without_body=False), Chunked)
    assert isinstance(body_reader(both[:1], without_body=False), Sized)
    assert isinstance(body_reader([], without_body=False), UntilClose)
    assert body_reader(both, without_body=True).done
