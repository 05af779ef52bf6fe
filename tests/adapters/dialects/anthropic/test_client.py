"""The real anthropic library reads what the dialect writes."""

import anthropic
import httpx2
import pytest

from adapters.dialects.anthropic import Anthropic
from adapters.dialects.anthropic.stream import MessageStream
from adapters.dialects.seal import Seal, opened
from pipeline.errors import (
    AllCooling,
    BadRequest,
    Broken,
    Forbidden,
    NotFound,
    ProxyError,
    TooLarge,
    Unauthorized,
)
from tests.adapters.dialects.rig import ended, said, transport

USAGE = {
    "promptTokenCount": 12,
    "cachedContentTokenCount": 8,
    "candidatesTokenCount": 9,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 61,
}
TOOL = {"name": "get weather", "description": "d", "input_schema": {"type": "object", "properties": {}}}


def client(answer, seen=None) -> anthropic.Anthropic:
    http = httpx2.Client(transport=transport(Anthropic(), answer, [] if seen is None else seen))
    return anthropic.Anthropic(api_key="test-key-1", base_url="http://proxy.example", http_client=http, max_retries=0)


def ask(answer, seen=None, **options):
    defaults = {"model": "gemini-3.8-flash", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    return client(answer, seen).messages.create(**{**defaults, **options})


def stream(answer, **options):
    defaults = {"model": "gemini-3.8-flash", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    with client(answer).messages.stream(**{**defaults, **options}) as events:
        kinds = [event.type for event in events]
        return events.get_final_message(), kinds


def call(name="get_weather", signature="", **args):
    part = {"functionCall": {"name": name, "args": args, "id": "up-1"}}
    if signature:
        part["thoughtSignature"] = signature
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]}


def both(answer, **options):
    """The same answer, whole and streamed."""
    message, _ = stream(answer, **options)
    return [ask(answer, **options), message]


def test_text_comes_whole_and_streamed():
    for message in both([said("Hel"), said("lo\u2028"), ended("STOP", None, **USAGE)]):
        assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hello\u2028"}]
        assert (message.stop_reason, message.model, message.role) == ("end_turn", "gemini-3.8-flash", "assistant")
        assert message.usage.input_tokens == 4
        assert message.usage.cache_read_input_tokens == 8
        assert message.usage.output_tokens == 49


def test_text_stream_has_events_in_their_order():
    _, kinds = stream([said("Hel"), said("lo"), ended()])
    assert [kind for kind in kinds if kind != "text"] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_thinking_carries_the_signature_of_the_call_after_it():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = [said("hm", thought=True), said("mm", thought=True), call(signature="c2ln", city="Paris"), ended()]
    for message in both(answer, thinking=thinking, tools=[TOOL]):
        thought, use = message.content
        assert thought.thinking == "hmmm"
        assert opened(thought.signature) == Seal("c2ln", "call")
        assert (use.name, use.input, use.id) == ("get weather", {"city": "Paris"}, "up-1")
        assert message.stop_reason == "tool_use"


def test_signature_without_thoughts_has_a_block_of_its_own_only_for_who_takes_thinking():
    answer = [call(signature="c2ln"), ended()]
    for message in both(answer, thinking={"type": "adaptive"}):
        assert [block.type for block in message.content] == ["thinking", "tool_use"]
    for message in both(answer):
        assert [block.type for block in message.content] == ["tool_use"]


def test_text_between_thinking_and_call_keeps_the_signature():
    answer = [said("hm", thought=True), said("Let me see."), call(signature="c2ln"), ended()]
    for message in both(answer, thinking={"type": "adaptive"}):
        assert [block.type for block in message.content] == ["thinking", "text", "thinking", "tool_use"]
        assert opened(message.content[2].signature) == Seal("c2ln", "call")


def test_signature_that_comes_after_its_text_leaves_the_text_whole():
    answer = [said("Hi"), said("", thoughtSignature="c2ln"), ended()]
    for message in both(answer, thinking={"type": "adaptive"}):
        assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hi"}]


def test_parallel_calls_are_blocks_without_gaps_and_with_ids_of_their_own():
    answer = [call("f", a=1), call("f", b=2), ended()]
    for message in both(answer):
        assert [block.input for block in message.content] == [{"a": 1}, {"b": 2}]
        assert len({block.id for block in message.content}) == 2


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("STOP", "end_turn"), ("MAX_TOKENS", "max_tokens"), ("SAFETY", "refusal"), ("RECITATION", "refusal")],
)
def test_finish_reason_becomes_stop_reason(reason, stop):
    for message in both([said("x"), ended(reason)]):
        assert message.stop_reason == stop


def test_blocked_prompt_is_a_refusal():
    for message in both([{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}]):
        assert (message.stop_reason, message.content) == ("refusal", [])


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "SOMETHING_NEW"])
def test_abnormal_end_without_output_is_an_error(reason):
    with pytest.raises(anthropic.APIStatusError):
        stream([ended(reason)])
    with pytest.raises(anthropic.InternalServerError):
        ask([ended(reason)])


def test_picture_is_shown_as_markdown():
    picture = {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AP_-"}}]}}]}
    for message in both([picture, ended()]):
        assert message.content[0].text == "![image](data:image/png;base64,AP/+)"


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (BadRequest("bad"), anthropic.BadRequestError),
        (Unauthorized(), anthropic.AuthenticationError),
        (Forbidden(), anthropic.PermissionDeniedError),
        (NotFound("gone"), anthropic.NotFoundError),
        (TooLarge(), anthropic.RequestTooLargeError),
        (AllCooling(retry_after=7.5), anthropic.RateLimitError),
        (ProxyError(), anthropic.InternalServerError),
        (Broken("boom", status=503), anthropic.ServiceUnavailableError),
    ],
)
def test_refusal_raises_the_librarys_own_exception(exc, kind):
    with pytest.raises(kind) as raised:
        ask([exc])
    assert raised.value.status_code == exc.status
    assert raised.value.body["error"]["code"] == exc.error_type
    assert raised.value.response.headers.get("retry-after") == ("8" if exc.retry_after else None)


def test_stream_that_breaks_raises():
    with pytest.raises(anthropic.APIStatusError, match="cut"):
        stream([said("Hel"), Broken("cut", error_type="provider_cut")])


def test_tokens_are_counted():
    seen: list = []
    counted = client([{"totalTokens": 31}], seen).messages.count_tokens(
        model="gemini-3.8-flash", messages=[{"role": "user", "content": "hi"}], system="be brief"
    )
    assert (counted.input_tokens, seen[0].operation) == (31, "count_tokens")
    assert seen[0].payload["generateContentRequest"]["systemInstruction"] == {"parts": [{"text": "be brief"}]}


MODELS = [{"name": f"models/m{n}", "displayName": f"M {n}"} for n in range(5)]


def test_models_are_listed_page_by_page():
    pager = client(MODELS).models.list(limit=2)
    assert [model.id for model in pager] == ["m0", "m1", "m2", "m3", "m4"]
    assert [model.id for model in client(MODELS).models.list(limit=2, before_id="m3").data] == ["m1", "m2"]


def test_single_model_is_got_or_not_found():
    assert client(MODELS).models.retrieve("m3").display_name == "M 3"
    with pytest.raises(anthropic.NotFoundError):
        client(MODELS).models.retrieve("m9")


class Beating(MessageStream):
    """A stream with a heartbeat wherever one may stand."""

    def encode(self, chunk):
        return self.heartbeat + super().encode(chunk) + self.heartbeat

    def finish(self):
        return self.heartbeat + super().finish()


def test_heartbeat_is_taken_anywhere():
    class Dialect(Anthropic):
        def encoder(self, x):
            return Beating(x, x.asked.echo)

    http = httpx2.Client(transport=transport(Dialect(), [said("Hi"), said("!"), ended()], []))
    beating = anthropic.Anthropic(api_key="k", base_url="http://proxy.example", http_client=http)
    with beating.messages.stream(model="m", max_tokens=5, messages=[{"role": "user", "content": "hi"}]) as events:
        assert events.get_final_text() == "Hi!"
