"""The three forms of a Gemini answer, byte by byte."""

import json

import pytest

from adapters.dialects.gemini import Gemini
from adapters.dialects.gemini.encoders import EventStream
from pipeline.errors import Broken, Limited
from tests.adapters.dialects.rig import ended, exchange, reply, request, said

BODY = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
STREAM = "/v1beta/models/m:streamGenerateContent"
UNARY = "/v1beta/models/m:generateContent"


def sent(path: str, *chunks, query: str = "") -> bytes:
    return reply(Gemini(), exchange(Gemini(), request(path, BODY, query=query)), chunks)


def test_event_is_one_data_line_and_crlf_crlf():
    assert sent(STREAM, {"a": 1}, {"b": 2}, query="alt=sse") == b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\n'


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_line_separators_in_text_are_escaped(separator):
    event = EventStream().encode(said(f"a{separator}b"))
    assert separator not in event.decode()
    assert json.loads(event[6:]) == said(f"a{separator}b")


def test_stream_without_alt_is_one_json_array():
    out = sent(STREAM, said("a"), ended())
    assert json.loads(out) == [said("a"), ended()]
    assert out.startswith(b"[{")
    assert out.endswith(b"}]")
    assert b"},\r\n{" in out


def test_array_of_nothing_is_an_array():
    assert sent(STREAM) == b"[]"


def test_array_that_breaks_closes_with_the_error():
    *before, last = json.loads(sent(STREAM, said("a"), Broken("cut", error_type="provider_cut")))
    assert before == [said("a")]
    assert last["error"]["code"] == 502
    assert [*last] == ["error"]


def test_array_that_breaks_before_its_first_element_is_an_array_of_the_error():
    assert json.loads(sent(STREAM, Limited("later", retry_after=2.2)))[0]["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_unary_answer_of_one_chunk_is_that_chunk():
    chunk = said("a") | {"unknown": {"x_y": [1]}}
    assert json.loads(sent(UNARY, chunk)) == chunk


def test_unary_answer_of_several_chunks_is_joined():
    first = said("Hel") | {"usageMetadata": {"totalTokenCount": 1}, "responseId": "r"}
    signed = said("", thoughtSignature="c2ln")
    last = ended("STOP", totalTokenCount=9)
    assert json.loads(sent(UNARY, said("hm", thought=True), first, said("lo"), signed, last)) == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "Hello"},
                        {"text": "", "thoughtSignature": "c2ln"},
                    ],
                },
                "index": 0,
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"totalTokenCount": 9},
        "responseId": "r",
    }


def test_grounding_over_several_chunks_adds_up():
    chunks = [
        {"candidates": [{"groundingMetadata": {"groundingChunks": [1], "searchEntryPoint": {"a": 1}}}]},
        {"candidates": [{"groundingMetadata": {"groundingChunks": [2], "searchEntryPoint": {"a": 2}}}]},
    ]
    merged = json.loads(sent(UNARY, *chunks))["candidates"][0]["groundingMetadata"]
    assert merged == {"groundingChunks": [1, 2], "searchEntryPoint": {"a": 2}}


def test_heartbeat_within_an_answer_leaves_it_readable():
    for path, query in ((UNARY, ""), (STREAM, "")):
        x = exchange(Gemini(), request(path, BODY, query=query))
        encoder = Gemini().encoder(x)
        beat = encoder.heartbeat
        json.loads(beat + encoder.encode(said("a")) + beat + encoder.encode(ended()) + beat + encoder.finish())
