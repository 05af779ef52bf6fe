"""A request's body, however it is encoded, within its limit."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from adapters.body import read_body
from pipeline.errors import BadRequest, TooLarge

TEXT = b'{"a": "' + b"x" * 500 + b'"}'


def sent(*pieces: bytes) -> Any:
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive


@pytest.mark.parametrize("encoding", ["", "identity", "Identity", " identity "])
async def test_body_without_encoding_is_as_it_was_sent(encoding: str) -> None:
    assert await read_body(sent(TEXT[:9], TEXT[9:]), encoding, 1000) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_members_of_a_gzip_body_are_joined(encoding: str) -> None:
    members = gzip.compress(TEXT[:100]) + gzip.compress(b"") + gzip.compress(TEXT[100:])
    assert await read_body(sent(members[:30], members[30:]), encoding, 1000) == TEXT


async def test_members_together_may_be_no_larger_than_one() -> None:
    members = gzip.compress(b"x" * 600) * 2
    assert len(await read_body(sent(members), "gzip", 1200)) == 1200
    with pytest.raises(TooLarge):
        await read_body(sent(members), "gzip", 1199)


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (gzip.compress(TEXT)[:-9], "gzip", "cut short"),
        (gzip.compress(TEXT) + b"more", "gzip", "not valid gzip"),
        (TEXT, "gzip", "not valid gzip"),
        (zlib.compress(TEXT)[:-1], "deflate", "cut short"),
        (TEXT, "br", "not supported"),
    ],
    ids=["cut", "followed", "plain", "deflate-cut", "unknown"],
)
async def test_body_that_is_not_what_it_says_is_refused(body: bytes, encoding: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as caught:
        await read_body(sent(body), encoding, 1000)
    assert caught.value.field == "content-encoding"
