"""Bytes into chunks: any split, any framing, and errors within an answer."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.upstreams.code_assist import unwrapped
from adapters.upstreams.decoder import decoder
from pipeline.errors import Broken, Busy, UpstreamError
from pipeline.exchange import Chunk
from pipeline.ports import Decoder
from tests.adapters.upstreams.rig import StillClock

CHUNKS: list[Chunk] = [
    {"candidates": [{"content": {"parts": [{"text": "Grüße \u2028 東京 "}]}}]},
    {"candidates": [{"content": {"parts": [{"text": "data: {}\r\n\r\n"}]}}]},
    {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"totalTokenCount": 3}},
]
STREAM = b"".join(b"data: " + orjson.dumps(chunk) + b"\r\n\r\n" for chunk in CHUNKS)
ERROR = {"error": {"code": 429, "message": "Please retry in 4s.", "status": "RESOURCE_EXHAUSTED"}}
PRETTY = orjson.dumps(ERROR, option=orjson.OPT_INDENT_2)


def new(stream: bool = True) -> Decoder:
    return decoder(stream, "gemini_api", StillClock())


def fed(decode: Decoder, *reads: bytes) -> list[Chunk]:
    return [chunk for data in (*reads, b"") for chunk in decode(data)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_split_gives_the_same_chunks(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges) if a < b]
    assert fed(new(), *pieces) == CHUNKS


@pytest.mark.parametrize(
    "stream",
    [
        STREAM.replace(b"\r\n", b"\n"),
        STREAM.replace(b'data: {"c', b'data:{"c'),
        STREAM.rstrip(),
        b"\r\n: comment\r\n\r\nevent: x\r\n" + STREAM,
        STREAM + b"data: [DONE]\n\n",
        STREAM + b"data: {}\n\n",
        orjson.dumps(CHUNKS, option=orjson.OPT_INDENT_2),
    ],
    ids=["lf", "no space", "no last blank line", "comments and fields", "done", "empty event", "array"],
)
def test_stream_that_strays_from_googles_framing_is_understood(stream):
    assert fed(new(), stream) == CHUNKS


@pytest.mark.parametrize("error", [b"data: " + orjson.dumps(ERROR) + b"\r\n\r\n", PRETTY, b"[" + PRETTY + b"]"])
def test_in_band_error_in_three_framings_is_raised_as_what_it_says(error):
    with pytest.raises(Busy) as caught:
        fed(new(), error)
    assert (caught.value.retry_after, caught.value.chunks) == (4.0, [])


@pytest.mark.parametrize("error", [b"data: " + orjson.dumps(ERROR) + b"\r\n\r\n", PRETTY, b"[" + PRETTY + b"]"])
def test_chunks_before_an_in_band_error_of_the_same_read_are_not_lost(error):
    decode, seen = new(), list[Chunk]()
    try:
        seen += decode(STREAM + error)
        seen += decode(b"")
    except Busy as exc:
        seen += exc.chunks
    else:
        pytest.fail("the error was lost")
    assert seen == CHUNKS


@pytest.mark.parametrize("body", [b"data: {\r\n\r\n", b"data: 7\r\n\r\n", b"data: [1]\n\n"])
def test_what_is_no_json_object_is_malformed(body):
    with pytest.raises(Broken) as caught:
        fed(new(), body)
    assert caught.value.error_type == "provider_malformed"
    assert caught.value.verdict.action == "rotate"


def test_document_is_decoded_once_it_has_ended():
    decode = new(stream=False)
    body = orjson.dumps(CHUNKS[0])
    assert decode(body[:9]) == []
    assert decode(body[9:]) == []
    assert decode(b"") == CHUNKS[:1]


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", orjson.dumps(ERROR), b"[" + PRETTY + b"]"])
def test_document_that_is_no_answer_is_an_error(body):
    with pytest.raises(UpstreamError):
        fed(new(stream=False), body)


def test_code_assist_envelope_is_taken_off_and_its_absence_forgiven():
    assert unwrapped({"response": {"candidates": []}, "traceId": "t1"}) == {"candidates": [], "responseId": "t1"}
    assert unwrapped({"response": {"responseId": "r1"}, "traceId": "t1"}) == {"responseId": "r1"}
    assert unwrapped({"totalTokens": 31}) == {"totalTokens": 31}
