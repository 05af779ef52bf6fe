"""A stream says everything once, in order, and ends once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.openai import OpenAIChat
from pipeline.errors import Broken, Limited
from tests.adapters.dialects.rig import ended, exchange, reply, request, said


def asking(**body):
    messages = [{"role": "user", "content": "hi"}]
    return request("/v1/chat/completions", {"model": "gemini-3.8-flash", "messages": messages, "stream": True, **body})


def stream(chunks, **body) -> list:
    """The events a caller gets; the terminator as text."""
    written = reply(OpenAIChat(), exchange(OpenAIChat(), asking(**body)), chunks).decode()
    events = written.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    return [event[6:] if event == "data: [DONE]" else json.loads(event[6:]) for event in events]


def called(*calls, **candidate):
    parts = [{"functionCall": call} for call in calls]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0, **candidate}]}


def deltas(events, key):
    choices = (choice for event in events if event != "[DONE]" for choice in event.get("choices", ()))
    return [choice["delta"][key] for choice in choices if key in choice["delta"]]


def test_role_comes_once_and_finish_once_and_last():
    """Seed #23: every chunk said `stop`, so that clients showed the first."""
    events = stream([said("a"), said("b"), ended()])
    assert deltas(events, "role") == ["assistant"]
    reasons = [event["choices"][0]["finish_reason"] for event in events[:-1]]
    assert reasons == [None, None, None, "stop"]
    assert events[-1] == "[DONE]"


def test_every_chunk_has_the_same_identity():
    """Seed #63: streams held whole completions in place of chunks."""
    events = stream([said("a"), called({"name": "f"}), ended()], stream_options={"include_usage": True})[:-1]
    assert len({(event["id"], event["object"], event["created"], event["model"]) for event in events}) == 1


def test_usage_comes_only_when_asked_for_and_last():
    """Seed #36: cached tokens were taken off the prompt, thoughts were left out of the completion."""
    last = ended(
        promptTokenCount=100,
        cachedContentTokenCount=40,
        candidatesTokenCount=10,
        thoughtsTokenCount=50,
        toolUsePromptTokenCount=5,
        totalTokenCount=165,
    )
    events = stream([said("a"), last], stream_options={"include_usage": True})
    assert events[-2]["choices"] == []
    assert events[-2]["usage"] == {
        "prompt_tokens": 105,
        "completion_tokens": 60,
        "total_tokens": 165,
        "prompt_tokens_details": {"cached_tokens": 40},
        "completion_tokens_details": {"reasoning_tokens": 50},
    }
    assert all(event["usage"] is None for event in events[:-2])
    assert not any("usage" in event for event in stream([said("a"), last])[:-1])


def test_usage_that_comes_after_the_finish_reason_counts():
    late = {"usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}
    assert stream([ended("STOP"), late], stream_options={"include_usage": True})[-2]["usage"]["prompt_tokens"] == 7


def test_call_indices_are_contiguous_over_the_whole_answer():
    """Seeds #24 and #63: indices began again in each chunk, or were missing, and calls ran into one another."""
    chunks = [called({"name": "f", "id": "a"}, {"name": "f", "id": "b"}), said("and"), called({"name": "g"}), ended()]
    events = stream(chunks)
    calls = [call for delta in deltas(events, "tool_calls") for call in delta]
    assert [call["index"] for call in calls] == [0, 1, 2]
    assert [call["id"] for call in calls[:2]] == ["a", "b"]
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("bad", ["", "x" * 41, "with space", "sig__thought__+/=", None])
def test_id_that_clients_cannot_carry_is_minted(bad):
    (call,) = deltas(stream([called({"name": "f", "id": bad}), ended()]), "tool_calls")[0]
    assert call["id"].startswith("call_pollux_")
    assert len(call["id"]) <= 40


def test_repeated_id_is_replaced():
    calls = [
        delta[0]
        for delta in deltas(stream([called({"name": "f", "id": "a"}, {"name": "f", "id": "a"}), ended()]), "tool_calls")
    ]
    assert calls[0]["id"] == "a" != calls[1]["id"]


def test_arguments_keep_their_types():
    """Seed #34: the strings "true" and "null" became a boolean and nothing."""
    args = {"s": "true", "n": "null", "big": 2**63, "float": 1.0, "text": "é\u2028", "nested": {"a_b": [1, "1"]}}
    (call,) = deltas(stream([called({"name": "f", "args": args}), ended()]), "tool_calls")[0]
    assert json.loads(call["function"]["arguments"]) == args
    assert '"float":1.0' in call["function"]["arguments"]


def test_text_with_a_signature_is_answer_text():
    events = stream(
        [said("answer", thoughtSignature="c2ln"), ended(parts=[{"text": "", "thoughtSignature": "bGFzdA=="}])]
    )
    assert deltas(events, "content") == ["", "answer"]
    assert deltas(events, "reasoning_content") == []
    assert deltas(events, "extra_content") == [{"google": {"thought_signature": "bGFzdA=="}}]


def test_deprecated_functions_are_answered_in_kind():
    events = stream([called({"name": "f", "args": {"a": 1}}), ended()], functions=[{"name": "f"}])
    assert deltas(events, "function_call") == [{"name": "f", "arguments": '{"a":1}'}]
    assert events[-2]["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("OTHER", "content_filter"),
        ("NEW_ONE", "content_filter"),
    ],
)
def test_finish_reason_after_text_is_translated(reason, word):
    assert stream([said("a"), ended(reason)])[-2]["choices"][0]["finish_reason"] == word


@pytest.mark.parametrize(
    ("reason", "code"),
    [("MALFORMED_FUNCTION_CALL", "provider_malformed"), ("OTHER", "provider_empty"), ("NO_IMAGE", "provider_empty")],
)
def test_abnormal_end_without_answer_is_one_error_event(reason, code):
    events = stream([said("hm", thought=True), ended(reason)])
    assert events[-1]["error"]["code"] == code
    assert all("error" not in event for event in events[:-1])


def test_failure_in_the_middle_is_one_error_event_and_no_done():
    events = stream([said("a"), Broken("cut off", error_type="provider_cut")])
    assert events[-1] == {
        "error": {"message": "cut off", "type": "server_error", "param": None, "code": "provider_cut"}
    }
    events = stream([said("a"), Limited("slow down")])
    assert events[-1]["error"]["code"] == "rate_limit_exceeded"


def test_missing_finish_reason_is_never_a_finish():
    assert stream([said("half")])[-1]["error"]["code"] == "provider_cut"
    assert stream([])[-1]["error"]["code"] == "provider_empty"
    assert stream([{"usageMetadata": {"promptTokenCount": 1}}])[-1]["error"]["code"] == "provider_empty"


def test_blocked_prompt_is_a_filtered_answer_with_its_reason():
    feedback = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}}
    events = stream([feedback])
    assert deltas(events, "refusal") == ["No."]
    assert events[-2]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    "candidate",
    [
        {},
        {"content": None},
        {"content": {}},
        {"content": {"role": "model"}},
        {"content": {"parts": None}},
        {"content": {"parts": [{}]}},
    ],
)
def test_candidate_without_parts_says_nothing(candidate):
    events = stream([said("a"), {"candidates": [{"index": 0, **candidate}]}, ended()])
    assert "".join(deltas(events, "content")) == "a"


PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text()),
    st.builds(lambda text: {"text": text, "thought": True}, st.text()),
    st.builds(lambda text: {"text": text, "thoughtSignature": "c2ln"}, st.text()),
    st.just({"functionCall": {"name": "f", "args": {"a": 1}}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
)


@given(st.lists(st.lists(PARTS, max_size=3), max_size=5), st.booleans())
def test_stream_and_document_say_the_same(events, grounded):
    extra: dict[str, Any] = {"web_search_options": {}} if grounded else {}
    chunks = [{"candidates": [{"content": {"parts": parts}, "index": 0}]} for parts in events] + [ended()]
    streamed = stream(chunks, **extra)
    whole = json.loads(reply(OpenAIChat(), exchange(OpenAIChat(), asking(stream=False, **extra)), chunks))
    message = whole["choices"][0]["message"]
    assert "".join(deltas(streamed, "content")) == (message["content"] or "")
    assert "".join(deltas(streamed, "reasoning_content")) == message.get("reasoning_content", "")
    calls = [call["function"] for delta in deltas(streamed, "tool_calls") for call in delta]
    assert calls == [call["function"] for call in message.get("tool_calls", ())]
    assert streamed[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert streamed.count("[DONE]") == 1
