"""The real google-genai library reads what the dialect writes."""

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from adapters.dialects.gemini import Gemini
from pipeline.errors import AllCooling, BadRequest, Broken, Forbidden, NotFound, TooLarge, Unauthorized
from tests.adapters.dialects.rig import ended, said, transport

CALL = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {
                        "functionCall": {"name": "f", "args": {"a_b": 1}, "id": "c1"},
                        "thoughtSignature": "c2ln",
                    }
                ],
            },
            "index": 0,
        }
    ]
}


def client(answer, seen=None, **options):
    http = httpx2.Client(transport=transport(Gemini(), answer, [] if seen is None else seen))
    return genai.Client(
        api_key="test-key-1",
        http_options=types.HttpOptions(base_url="http://proxy.example", httpx_client=http, **options),
    )


def test_unary_answer_is_read_whole():
    chunk = said("Hello") | ended("STOP", [{"text": "Hello"}], promptTokenCount=3, totalTokenCount=5)
    seen: list = []
    answer = client([chunk], seen).models.generate_content(model="gemini-x", contents="hi")
    assert (answer.text, answer.candidates[0].finish_reason.value) == ("Hello", "STOP")
    assert answer.usage_metadata.total_token_count == 5
    assert (seen[0].model, seen[0].stream) == ("gemini-x", False)


def test_stream_is_read_to_its_end():
    chunks = [said("think", thought=True), said("Hel"), said("lo\u2028!"), CALL, ended()]
    seen: list = []
    events = list(client(chunks, seen).models.generate_content_stream(model="gemini-x", contents="hi"))
    assert "".join(e.text or "" for e in events if not e.function_calls) == "Hello\u2028!"
    call = next(e for e in events if e.function_calls).candidates[0].content.parts[0]
    assert (call.function_call.args, call.function_call.id, call.thought_signature) == (
        {"a_b": 1},
        "c1",
        b"sig",
    )
    assert events[-1].candidates[0].finish_reason.value == "STOP"
    assert seen[0].stream


def test_request_of_the_library_arrives_in_the_hubs_spelling():
    seen: list = []
    config = types.GenerateContentConfig(
        system_instruction="be brief",
        temperature=0.1,
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        tools=[
            types.Tool(
                function_declarations=[
                    types.FunctionDeclaration(
                        name="f",
                        parameters_json_schema={
                            "type": "object",
                            "properties": {"user_id": {"type": "string"}},
                        },
                    )
                ]
            )
        ],
    )
    image = types.Part.from_bytes(data=b"\x00\xff\xfe", mime_type="image/png")
    client([said("x") | ended()], seen).models.generate_content(
        model="gemini-x", contents=["look", image], config=config
    )
    payload = seen[0].payload
    parts = [part for content in payload["contents"] for part in content["parts"]]
    assert parts == [{"text": "look"}, {"inlineData": {"data": "AP_-", "mimeType": "image/png"}}]
    assert payload["systemInstruction"]["parts"] == [{"text": "be brief"}]
    assert payload["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingLevel": "LOW"}
    declaration = payload["tools"][0]["functionDeclarations"][0]
    assert declaration["parametersJsonSchema"]["properties"] == {"user_id": {"type": "string"}}


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (BadRequest("bad", field="contents"), errors.ClientError),
        (Unauthorized(), errors.ClientError),
        (Forbidden(), errors.ClientError),
        (NotFound("gone"), errors.ClientError),
        (TooLarge(), errors.ClientError),
        (AllCooling(retry_after=7), errors.ClientError),
        (Broken("boom", status=500), errors.ServerError),
        (Broken("boom", status=503), errors.ServerError),
    ],
)
def test_refusal_raises_the_librarys_own_exception(exc, kind):
    with pytest.raises(kind) as raised:
        client([exc]).models.generate_content(model="gemini-x", contents="hi")
    assert (raised.value.code, raised.value.message) == (exc.status, exc.message)
    with pytest.raises(kind):
        list(client([exc]).models.generate_content_stream(model="gemini-x", contents="hi"))


def test_stream_that_breaks_raises_after_its_text():
    texts = []
    with pytest.raises(errors.ServerError) as raised:  # noqa: PT012  the text before the error counts
        for event in client([said("Hel"), Broken("cut", status=503)]).models.generate_content_stream(
            model="gemini-x", contents="hi"
        ):
            texts.append(event.text)  # noqa: PERF401
    assert (texts, raised.value.code) == (["Hel"], 503)


def test_blocked_prompt_passes_as_it_is():
    blocked = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 9},
    }
    answer = client([blocked]).models.generate_content(model="gemini-x", contents="hi")
    assert answer.prompt_feedback.block_reason.value == "PROHIBITED_CONTENT"
    events = list(client([blocked]).models.generate_content_stream(model="gemini-x", contents="hi"))
    assert events[0].prompt_feedback.block_reason.value == "PROHIBITED_CONTENT"


def test_tokens_are_counted():
    seen: list = []
    counted = client([{"totalTokens": 31}], seen).models.count_tokens(model="gemini-x", contents="hi")
    assert (counted.total_tokens, seen[0].operation) == (31, "count_tokens")


def test_texts_are_embedded_in_one_batch():
    seen: list = []
    vectors = client([{"embeddings": [{"values": [1.0]}, {"values": [2.0]}]}], seen)
    answer = vectors.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert [each.values for each in answer.embeddings] == [[1.0], [2.0]]
    assert (seen[0].operation, len(seen[0].payload["requests"])) == ("batch_embed", 2)


MODELS = [{"name": f"models/m{n}", "displayName": f"M {n}"} for n in range(5)]


def test_models_are_listed_page_by_page():
    pager = client(MODELS).models.list(config={"page_size": 2})
    assert [model.name for model in pager] == [model["name"] for model in MODELS]
    assert len(client(MODELS).models.list(config={"page_size": 2}).page) == 2


def test_single_model_is_got_or_not_found():
    assert client(MODELS).models.get(model="m3").display_name == "M 3"
    with pytest.raises(errors.ClientError) as raised:
        client(MODELS).models.get(model="m9")
    assert raised.value.code == 404
