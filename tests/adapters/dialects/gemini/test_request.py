"""Gemini bodies: what is lenient, and what is refused with its place."""

import pytest

from adapters.dialects.gemini.request import payload
from pipeline.errors import BadRequest


@pytest.mark.parametrize(
    ("body", "operation", "field"),
    [
        (b"{}", "generate", "contents"),
        (b'{"contents":[]}', "generate", "contents"),
        (b'{"contents":null}', "generate", "contents"),
        (b'{"contents":"hi"}', "generate", "contents"),
        (b'{"contents":["hi"]}', "generate", "contents[0]"),
        (b'{"contents":[{"parts":"hi"}]}', "generate", "contents[0].parts"),
        (b'{"contents":[{"parts":[{"text":"a"},1]}]}', "generate", "contents[0].parts[1]"),
        (b'{"contents":[{"parts":[{"inline_data":"AA=="}]}]}', "generate", "contents[0].parts[0].inlineData"),
        (b'{"contents":{"parts":[]},"generation_config":[]}', "generate", "generationConfig"),
        (b'{"contents":{"parts":[]},"tools":"search"}', "generate", "tools"),
        (b'{"content":"hi"}', "embed", "content"),
        (b"{}", "batch_embed", "requests"),
        (b'{"requests":[{"content":[]}]}', "batch_embed", "requests[0].content"),
        (b"{}", "count_tokens", "contents"),
        (b'{"generateContentRequest":{"contents":7}}', "count_tokens", "generateContentRequest.contents"),
    ],
)
def test_misfit_is_refused_with_its_place(body, operation, field):
    with pytest.raises(BadRequest) as refused:
        payload(body, operation)
    assert refused.value.field == field
    assert refused.value.message.startswith(field)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":"\xc3("}', b"[1]", b'"x"', b"[" * 5000 + b"]" * 5000])
def test_body_that_is_no_object_is_refused_in_words(body):
    with pytest.raises(BadRequest) as refused:
        payload(body, "generate")
    assert refused.value.message.startswith(("The request", "The JSON"))


def test_system_instruction_may_be_a_string():
    chunk = payload(b'{"system_instruction":"be brief","contents":{"parts":{"text":"x"}}}', "generate")
    assert chunk["systemInstruction"] == {"parts": [{"text": "be brief"}]}


def test_missing_role_is_user():
    chunk = payload(b'{"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[]}]}', "generate")
    assert [content["role"] for content in chunk["contents"]] == ["user", "model"]


def test_model_in_the_body_yields_to_the_path():
    assert "model" not in payload(b'{"model":"models/a","contents":[{"parts":[{"text":"x"}]}]}', "generate")


def test_count_of_a_whole_request_is_normalised_within():
    body = (
        b'{"generate_content_request":{"model":"models/m","contents":{"parts":{"text":"x"}},"system_instruction":null}}'
    )
    assert payload(body, "count_tokens") == {
        "generateContentRequest": {"model": "models/m", "contents": [{"parts": [{"text": "x"}]}]}
    }


def test_integers_beyond_doubles_stay_exact():
    """seed-systems 4.3 #48: integers above 2^53 were rounded."""
    part = b'{"functionResponse":{"name":"f","response":{"id":9007199254740993}}}'
    body = b'{"contents":[{"role":"user","parts":[' + part + b"]}]}"
    read = payload(body, "generate")["contents"][0]["parts"][0]
    assert read["functionResponse"]["response"]["id"] == 9007199254740993
