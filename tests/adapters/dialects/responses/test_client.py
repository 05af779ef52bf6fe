"""The real openai library reads what the dialect writes."""

import json

import httpx2
import openai
import pytest

from adapters.dialects.responses import OpenAIResponses
from adapters.dialects.seal import Seal, opened
from pipeline.errors import AllCooling, BadRequest, Broken, Forbidden, NotFound, ProxyError, Unauthorized
from tests.adapters.dialects.rig import ended, exchange, grounded, reply, request, said, transport

USAGE = {
    "promptTokenCount": 12,
    "cachedContentTokenCount": 8,
    "candidatesTokenCount": 9,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 61,
}


def client(answer, seen=None) -> openai.OpenAI:
    http = httpx2.Client(transport=transport(OpenAIResponses(), answer, [] if seen is None else seen))
    return openai.OpenAI(api_key="k", base_url="http://proxy.example/v1", http_client=http, max_retries=0)


def ask(answer, **options):
    return client(answer).responses.create(**{"model": "gemini-3.8-flash", "input": "hi", **options})


def stream(answer, **options):
    """What the library's own accumulator makes of a stream."""
    with client(answer).responses.stream(**{"model": "gemini-3.8-flash", "input": "hi", **options}) as events:
        kinds = [event.type for event in events]
        return events.get_final_response(), kinds


def both(answer, **options):
    return [ask(answer, **options), stream(answer, **options)[0]]


def call(name="f", signature="", **args):
    part = {"functionCall": {"name": name, "args": args, "id": "up-1"}}
    if signature:
        part["thoughtSignature"] = signature
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]}


def test_text_comes_whole_and_streamed():
    for response in both([said("Hel"), said("lo\u2028"), said("!"), ended("STOP", None, **USAGE)], temperature=0.5):
        assert response.output_text == "Hello\u2028!"
        assert (response.status, response.model, response.temperature) == ("completed", "gemini-3.8-flash", 0.5)
        assert response.usage.to_dict() == {
            "input_tokens": 12,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens": 49,
            "output_tokens_details": {"reasoning_tokens": 40},
            "total_tokens": 61,
        }


def test_stream_has_the_whole_life_of_a_response_in_order():
    _, kinds = stream([said("hm", thought=True), said("Hel"), said("lo"), call(a=1), ended()])
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]


def events(*chunks):
    asking = request("/v1/responses", {"model": "m", "input": "hi", "stream": True})
    raw = reply(OpenAIResponses(), exchange(OpenAIResponses(), asking), chunks).decode()
    assert raw.endswith("\n\n")
    found = []
    for block in raw[:-2].split("\n\n"):
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def test_events_are_numbered_and_keep_their_ids():
    found = events(said("hm", thought=True), said("a"), said("b"), call(), ended())
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert {event["response"]["id"] for event in found if "response" in event} == {"resp_req-1"}
    added = [event["item"]["id"] for event in found if event["type"] == "response.output_item.added"]
    done = [event["item"]["id"] for event in found if event["type"] == "response.output_item.done"]
    assert added == done
    assert len(set(added)) == 3


def test_added_item_is_not_changed_by_what_follows():
    added = [event["item"] for event in events(said("a"), ended()) if event["type"].endswith("item.added")]
    assert added[0]["content"] == []
    assert added[0]["status"] == "in_progress"


def test_reasoning_carries_the_signature_of_the_call_after_it():
    answer = [said("hm", thought=True), said("mm", thought=True), call(signature="c2ln", city="Paris"), ended()]
    for response in both(answer):
        reasoning, use = response.output
        assert reasoning.summary[0].text == "hmmm"
        assert opened(reasoning.encrypted_content) == Seal("c2ln", "call")
        assert (use.type, use.name, json.loads(use.arguments), use.call_id) == (
            "function_call",
            "f",
            {"city": "Paris"},
            "up-1",
        )


def test_signature_without_thoughts_has_a_reasoning_item_of_its_own():
    for response in both([said("Let me see."), call(signature="c2ln"), ended()]):
        assert [item.type for item in response.output] == ["message", "reasoning", "function_call"]
        assert response.output[1].summary == []
        assert opened(response.output[1].encrypted_content) == Seal("c2ln", "call")


def test_signature_that_comes_after_its_text_leaves_the_text_whole():
    for response in both([said("Hi"), said("", thoughtSignature="c2ln"), said("!"), ended()]):
        assert [item.type for item in response.output] == ["message"]
        assert response.output_text == "Hi!"


def test_parallel_calls_have_ids_of_their_own():
    for response in both([call(a=1), call(b=2), ended()]):
        assert [json.loads(item.arguments) for item in response.output] == [{"a": 1}, {"b": 2}]
        assert len({item.call_id for item in response.output}) == 2


def test_tool_of_free_text_is_called_with_text():
    tools = [{"type": "custom", "name": "patch", "description": "d"}]
    for response in both([call("patch", input="*** Begin"), ended()], tools=tools):
        item = response.output[0]
        assert (item.type, item.name, item.input) == ("custom_tool_call", "patch", "*** Begin")


def test_grounding_becomes_citations():
    grounded = ended()
    grounded["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 3}, "groundingChunkIndices": [0]}],
    }
    for response in both([said("Höh"), grounded]):
        annotation = response.output[0].content[0].annotations[0]
        assert (annotation.url, annotation.start_index, annotation.end_index) == ("https://a.example", 0, 2)


@pytest.mark.parametrize("repeated", [False, True])
def test_citations_of_several_chunks_keep_their_sources(repeated):
    for response in both(grounded(repeated)):
        notes = response.output[0].content[0].annotations
        assert [(note.start_index, note.end_index, note.title) for note in notes] == [
            (0, 4, "A"),
            (5, 11, "B"),
            (5, 11, "A"),
        ]


@pytest.mark.parametrize(("reason", "details"), [("MAX_TOKENS", "max_output_tokens"), ("SAFETY", "content_filter")])
def test_early_end_is_incomplete_and_says_why(reason, details):
    response = ask([said("x"), ended(reason)])
    assert (response.status, response.incomplete_details.reason) == ("incomplete", details)
    last = events(said("x"), ended(reason))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": details}
    assert last["response"]["output"][0]["content"][0]["text"] == "x"


def test_blocked_prompt_is_incomplete():
    response = ask([{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}])
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "content_filter")


def test_abnormal_end_without_output_fails():
    assert events(ended("MALFORMED_FUNCTION_CALL"))[-1]["response"]["error"]["type"] == "provider_malformed"
    with pytest.raises(openai.InternalServerError):
        ask([ended("OTHER")])


def test_stream_that_breaks_ends_with_failed_and_nothing_else():
    found = events(said("Hel"), Broken("cut", error_type="provider_cut"))
    assert [event["type"] for event in found].count("response.failed") == 1
    assert found[-1]["response"]["status"] == "failed"
    assert found[-1]["response"]["error"]["message"] == "cut"


def test_stream_that_fails_before_it_began_tells_the_library_why():
    """The head is out before there is an answer where the caller had to be held with signs of life."""
    dialect = OpenAIResponses()
    x = exchange(dialect, request("/v1/responses", {"model": "gemini-3.8-flash", "input": "hi", "stream": True}))
    held = httpx2.Response(200, headers=dialect.encoder(x).headers, content=reply(dialect, x, [Broken("cut")]))
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: held))
    library = openai.OpenAI(api_key="k", base_url="http://proxy.example/v1", http_client=http, max_retries=0)
    with library.responses.stream(model="gemini-3.8-flash", input="hi") as found:
        *before, last = (event.to_dict() for event in found)
    assert [event["type"] for event in before] == ["response.created", "response.in_progress"]
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["message"] == "cut"  # type: ignore[index]


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (BadRequest("bad"), openai.BadRequestError),
        (Unauthorized(), openai.AuthenticationError),
        (Forbidden(), openai.PermissionDeniedError),
        (NotFound("gone"), openai.NotFoundError),
        (AllCooling(retry_after=7.5), openai.RateLimitError),
        (ProxyError(), openai.InternalServerError),
    ],
)
def test_refusal_raises_the_librarys_own_exception(exc, kind):
    with pytest.raises(kind):
        ask([exc])
