"""Laws of every stream: whatever comes and wherever it breaks, it parses and has exactly one end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.anthropic import Anthropic
from adapters.dialects.gemini import Gemini
from adapters.dialects.responses import OpenAIResponses
from pipeline.errors import Broken
from tests.adapters.dialects.rig import ended, exchange, reply, request

TEXTS = st.sampled_from(["", "a", "b\n\ndata: x", "\u2028", '"', "event: y\r\n"])
SIGNED = st.sampled_from([{}, {}, {"thoughtSignature": "c2ln"}])
TEXT = st.builds(lambda text, sign: {"text": text, **sign}, TEXTS, SIGNED)
THOUGHT = st.builds(lambda text: {"text": text, "thought": True}, TEXTS)
CALL = st.builds(
    lambda name, sign: {"functionCall": {"name": name, "args": {"a": 1}, "id": "x"}, **sign},
    st.sampled_from(["f", "g"]),
    SIGNED,
)
OTHER = st.sampled_from(
    [{"inlineData": {"mimeType": "image/png", "data": "AA"}}, {"toolCall": {"id": "t"}}, {"executableCode": {}}]
)
CHUNK = st.lists(TEXT | THOUGHT | CALL | OTHER, max_size=3).map(
    lambda parts: {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}]}
)
CHUNKS = st.lists(CHUNK, max_size=6)
ENDS = st.sampled_from([ended("STOP"), ended("MAX_TOKENS"), ended("MALFORMED_FUNCTION_CALL"), Broken("cut")])

MESSAGES = {"model": "m", "messages": [{"role": "user", "content": "x"}], "thinking": {"type": "adaptive"}}
RESPONSES = {"model": "m", "input": "x"}


def anthropic(chunks, stream):
    return reply(Anthropic(), exchange(Anthropic(), request("/v1/messages", {**MESSAGES, "stream": stream})), chunks)


def responses(chunks, stream):
    dialect = OpenAIResponses()
    return reply(dialect, exchange(dialect, request("/v1/responses", {**RESPONSES, "stream": stream})), chunks)


def events(raw):
    """The events of a stream; every one has its name, and the stream ends where an event does."""
    text = raw.decode()
    assert text.endswith("\n\n")
    assert not set("\u2028\u2029\u0085") & set(text)
    found = []
    for block in text[:-2].split("\n\n"):
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


@given(CHUNKS, ENDS)
def test_messages_stream_is_well_formed_and_ends_once(chunks, end):
    found = events(anthropic([*chunks, end], stream=True))
    kinds = [event["type"] for event in found]
    assert kinds[-1] in {"message_stop", "error"}
    assert sum(kind in {"message_stop", "error"} for kind in kinds) == 1
    assert kinds[0] == ("message_start" if chunks or kinds[-1] == "message_stop" else kinds[0])
    opened = [event["index"] for event in found if event["type"] == "content_block_start"]
    closed = [event["index"] for event in found if event["type"] == "content_block_stop"]
    assert opened == list(range(len(opened)))
    assert closed == opened[: len(closed)]
    if kinds[-1] == "message_stop":
        assert closed == opened


def folded(found):
    """The blocks that a Messages stream makes, ids left aside."""
    blocks = []
    for event in found:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "input": ""})
        elif event["type"] == "content_block_delta":
            kind, delta = event["delta"].pop("type"), event["delta"]
            ((field, text),) = delta.items()
            field = "input" if kind == "input_json_delta" else field
            blocks[-1][field] = blocks[-1].get(field, "") + text
    return [{**block, "id": "", "input": json.loads(block["input"] or "{}")} for block in blocks]


@given(CHUNKS)
def test_messages_stream_and_document_say_the_same(chunks):
    whole = [*chunks, ended()]
    document = json.loads(anthropic(whole, stream=False))
    assert folded(events(anthropic(whole, stream=True))) == [
        {"input": {}, **block, "id": ""} for block in document["content"]
    ]


@given(CHUNKS, ENDS)
def test_response_stream_is_well_formed_and_ends_once(chunks, end):
    found = events(responses([*chunks, end], stream=True))
    kinds = [event["type"] for event in found]
    ends = {"response.completed", "response.incomplete", "response.failed", "error"}
    assert kinds[-1] in ends
    assert sum(kind in ends for kind in kinds) == 1
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    added = [event["item"]["id"] for event in found if event["type"] == "response.output_item.added"]
    done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert [item["id"] for item in done] == added[: len(done)]
    if kinds[-1] in {"response.completed", "response.incomplete"}:
        assert found[-1]["response"]["output"] == done
        assert len(done) == len(added)


@given(CHUNKS)
def test_response_stream_and_document_say_the_same(chunks):
    whole = [*chunks, ended()]

    def plain(output):
        return [{key: value for key, value in item.items() if key != "call_id"} for item in output]

    document = json.loads(responses(whole, stream=False))
    assert plain(document["output"]) == plain(events(responses(whole, stream=True))[-1]["response"]["output"])


@pytest.mark.parametrize("query", ["alt=sse", ""])
@given(CHUNKS, ENDS)
def test_gemini_stream_passes_every_chunk_and_ends_once(query, chunks, end):
    body = {"contents": [{"parts": [{"text": "x"}]}]}
    asking = request("/v1beta/models/m:streamGenerateContent", body, query=query)
    raw = reply(Gemini(), exchange(Gemini(), asking), [*chunks, end])
    if query:
        assert raw.endswith(b"\r\n\r\n")
        found = [json.loads(event.removeprefix(b"data: ")) for event in raw[:-4].split(b"\r\n\r\n")]
    else:
        found = json.loads(raw)
    assert found[:-1] == chunks
    assert found[-1] == end if isinstance(end, dict) else "error" in found[-1]
