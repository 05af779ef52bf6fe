"""The real openai library reads what the dialect writes."""

from __future__ import annotations

import base64
from math import ceil
from typing import Any

import httpx2
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionMessageCustomToolCall
from pydantic import BaseModel

from adapters.dialects.openai import OpenAIChat
from pipeline.errors import (
    AllCooling,
    BadRequest,
    Broken,
    Forbidden,
    Limited,
    NoCredential,
    NotFound,
    Refused,
    TooLarge,
    Unauthorized,
)
from tests.adapters.dialects.rig import ended, grounded, said, transport

CALL: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "f", "args": {"a": 2}, "id": "c2"}},
                ],
            },
            "index": 0,
        }
    ]
}
SEARCHED: dict[str, Any] = {
    "candidates": [
        {
            "finishReason": "STOP",
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}],
                "groundingSupports": [{"segment": {"endIndex": 5}, "groundingChunkIndices": [0]}] * 2,
            },
        }
    ]
}
PARTS = [{"functionCall": {"name": "f", "args": {"a": n}, "id": f"f{n}"}} for n in (1, 2)]
PATCH = "apply_patch"
HI = [{"role": "user", "content": "hi"}]
TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}


def client(answer, seen=None, **options):
    http = httpx2.Client(transport=transport(OpenAIChat(), answer, [] if seen is None else seen))
    options = {"max_retries": 0, **options}
    return openai.OpenAI(api_key="test-key-1", base_url="http://proxy.example/v1", http_client=http, **options)


def stream(answer, seen=None, **body):
    return client(answer, seen).chat.completions.stream(model="gemini-3.8-flash", messages=HI, **body)


def test_streamed_text_thoughts_and_usage_are_put_together():
    chunks = [
        said("hm", thought=True),
        said("Hel"),
        said("lo"),
        ended(promptTokenCount=3, candidatesTokenCount=2, totalTokenCount=5),
    ]
    with stream(chunks, stream_options={"include_usage": True}) as events:
        answer = events.get_final_completion()
    message = answer.choices[0].message
    assert (message.content, message.role, answer.choices[0].finish_reason) == ("Hello", "assistant", "stop")
    assert message.reasoning_content == "hm"
    assert answer.usage.total_tokens == 5


def test_streamed_parallel_calls_are_two_calls():
    with stream([CALL, CALL, ended()], tools=[TOOL]) as events:
        answer = events.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert [call.function.arguments for call in calls] == ['{"a":1}', '{"a":2}', '{"a":1}', '{"a":2}']
    assert len({call.id for call in calls}) == 4
    assert calls[0].extra_content == {"google": {"thought_signature": "c2ln"}}
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("streaming", [True, False])
def test_tool_loop_gives_upstream_its_own_ids_and_signatures_back(streaming):
    """Seeds #13 and #61: an assistant message with `content: null` vanished with its calls, or was refused."""
    seen: list = []
    proxy = client([CALL, ended()], seen).chat.completions
    body = {"model": "gemini-3.8-flash", "tools": [TOOL]}
    if streaming:
        with proxy.stream(messages=HI, **body) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = proxy.create(messages=HI, **body).choices[0].message
    answers = [{"role": "tool", "tool_call_id": call.id, "content": call.id} for call in message.tool_calls]
    proxy.create(messages=[*HI, message.model_dump(exclude_none=True), *reversed(answers)], **body)
    _, said_before, answered = seen[-1].payload["contents"]
    assert said_before["parts"] == CALL["candidates"][0]["content"]["parts"]
    assert [part["functionResponse"]["id"] for part in answered["parts"]] == ["c1", "c2"]


@pytest.mark.parametrize("streaming", [True, False])
def test_custom_tool_takes_text_and_its_call_comes_back(streaming):
    seen: list = []
    called = {"functionCall": {"name": "apply_patch", "args": {"input": "*** Begin\n"}, "id": "c1"}}
    proxy = client([ended(parts=[{**called, "thoughtSignature": "c2ln"}, *PARTS])], seen).chat.completions
    body: dict[str, Any] = {"model": "gemini-3.8-flash", "tools": [TOOL, {"type": "custom", "custom": {"name": PATCH}}]}
    if streaming:
        state = ChatCompletionStreamState()
        for chunk in proxy.create(messages=HI, stream=True, **body):
            state.handle_chunk(chunk)
        # Its final completion leaves custom calls out, and stumbles over streamed ones.
        choice = state.current_completion_snapshot.choices[0]
    else:
        choice = proxy.create(messages=HI, **body).choices[0]
    assert choice.finish_reason == "tool_calls"
    message: dict[str, Any] = choice.message.to_dict()
    custom, plain, _ = message["tool_calls"]
    ChatCompletionMessageCustomToolCall.model_validate(custom, strict=True)
    assert (custom["id"], custom["type"], custom["custom"]) == ("c1", "custom", {"name": PATCH, "input": "*** Begin\n"})
    assert (plain["type"], plain["function"]["name"]) == ("function", "f")
    proxy.create(messages=[*HI, message, {"role": "tool", "tool_call_id": "c1", "content": "done"}], **body)
    _, said_before, answered = seen[-1].payload["contents"]
    assert said_before["parts"][0] == {**called, "thoughtSignature": "c2ln"}
    assert answered["parts"][0]["functionResponse"] == {
        "id": "c1",
        "name": "apply_patch",
        "response": {"result": "done"},
    }


def test_streamed_annotations_and_signature_survive_accumulation():
    chunks = [said("Paris", thoughtSignature="c2ln"), SEARCHED]
    with stream(
        chunks, tools=[{"type": "function", "function": {"name": "x"}}], extra_body={"web_search_options": {}}
    ) as events:
        message = events.get_final_completion().choices[0].message
    assert [note["url_citation"]["end_index"] for note in message.model_dump()["annotations"]] == [5, 5]
    assert message.extra_content == {"google": {"thought_signature": "c2ln"}}


def test_unary_answer_is_read_whole():
    whole = said("Hello") | ended(parts=[{"text": "hm", "thought": True}, {"text": "Hello"}])
    answer = client([whole]).chat.completions.create(model="m", messages=HI)
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].message.reasoning_content == "hm"
    assert answer.choices[0].message.refusal is None


def test_unary_citations_are_typed():
    whole = {"candidates": [{**SEARCHED["candidates"][0], "content": {"parts": [{"text": "Paris"}]}}]}
    message = client([whole]).chat.completions.create(model="m", messages=HI).choices[0].message
    assert message.annotations[0].url_citation.url == "https://a.example/"


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("asked", [{"web_search_options": {}}, {"google": {"cached_content": "cachedContents/c"}}])
def test_citations_of_several_chunks_are_the_same_streamed_and_whole(repeated, asked):
    chunks = grounded(repeated)
    more: dict[str, Any] = {"extra_body": asked}
    whole = client(chunks).chat.completions.create(model="m", messages=HI, **more).choices[0].message
    with stream(chunks, **more) as events:
        streamed = events.get_final_completion().choices[0].message
    for message in (whole, streamed):
        notes = [note["url_citation"] for note in message.model_dump()["annotations"]]
        assert [(note["start_index"], note["end_index"], note["title"]) for note in notes] == [
            (0, 4, "A"),
            (5, 11, "B"),
            (5, 11, "A"),
        ]


def test_spoken_answer_is_a_wav_file():
    inline = {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": base64.b64encode(b"\1\0\2\0").decode()}
    whole = ended(parts=[{"inlineData": inline}])
    message = client([whole]).chat.completions.create(model="m", messages=HI).choices[0].message
    sound = base64.b64decode(message.audio.data)
    assert sound.startswith(b"RIFF")
    assert sound[24:28] == (16000).to_bytes(4, "little")
    assert sound.endswith(b"\1\0\2\0")
    assert message.content is None


class Colour(BaseModel):
    name: str


def test_parse_reads_structured_output():
    seen: list = []
    whole = ended(parts=[{"text": '{"name":"red"}'}])
    answer = client([whole], seen).chat.completions.parse(model="m", messages=HI, response_format=Colour)
    assert answer.choices[0].message.parsed == Colour(name="red")
    assert seen[0].payload["generationConfig"]["responseJsonSchema"]["properties"]["name"]["type"] == "string"


def test_stream_that_breaks_raises():
    with pytest.raises(openai.APIError, match="cut off") as caught, stream([said("a"), Broken("cut off")]) as events:
        list(events)
    assert caught.value.code == "provider_5xx"


@pytest.mark.parametrize(
    ("fault", "raised", "code"),
    [
        (BadRequest("no", field="messages[0]"), openai.BadRequestError, "caller_invalid"),
        (
            Refused("The input token count (9) exceeds the maximum number of tokens allowed (8)."),
            openai.BadRequestError,
            "context_length_exceeded",
        ),
        (Unauthorized(), openai.AuthenticationError, "invalid_api_key"),
        (Forbidden(), openai.PermissionDeniedError, "policy_model_denied"),
        (NotFound("no such model", field="model"), openai.NotFoundError, "model_not_found"),
        (Refused("models/x is not found", status=404), openai.NotFoundError, "model_not_found"),
        (TooLarge(), openai.APIStatusError, "caller_too_large"),
        (AllCooling(retry_after=12.2), openai.RateLimitError, "rate_limit_exceeded"),
        (Limited(error_type="policy_budget"), openai.RateLimitError, "insufficient_quota"),
        (Broken(status=500), openai.InternalServerError, "provider_5xx"),
        (NoCredential(), openai.InternalServerError, "proxy_no_credential"),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_refusal_raises_the_librarys_own_class(fault, raised, code, streaming):
    with pytest.raises(raised) as caught:
        client([fault]).chat.completions.create(model="m", messages=HI, stream=streaming)
    assert caught.value.code == code
    assert caught.value.status_code == fault.status
    assert caught.value.param == fault.field
    assert fault.message in str(caught.value)
    told = str(ceil(fault.retry_after)) if fault.retry_after else None
    assert caught.value.response.headers.get("retry-after") == told


def test_library_comes_again_after_what_retry_after_says():
    answers = iter([Limited(retry_after=0.01), ended(parts=[{"text": "ok"}])])

    class Turns:
        def __iter__(self):
            return iter([next(answers)])

    answer = client(Turns(), max_retries=1).chat.completions.create(model="m", messages=HI)
    assert answer.choices[0].message.content == "ok"


def test_models_are_listed_and_found():
    models = [{"name": "models/gemini-3.8-flash"}, {"name": "models/fake/gemini-3.8-flash"}]
    assert [model.id for model in client(models).models.list()] == ["gemini-3.8-flash", "fake/gemini-3.8-flash"]
    assert client(models).models.retrieve("gemini-3.8-flash").owned_by == "google"
    with pytest.raises(openai.NotFoundError):
        client(models).models.retrieve("gpt-4")
