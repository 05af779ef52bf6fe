"""What a request may look like, and how one that may not is refused."""

from __future__ import annotations

import orjson
import pytest

from adapters.dialects.openai import OpenAIChat
from pipeline.errors import BadRequest, MethodNotAllowed, NotFound
from pipeline.exchange import Request
from tests.adapters.dialects.rig import request

PATH = "/v1/chat/completions"
HI = {"role": "user", "content": "hi"}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CUSTOM = {"type": "custom", "custom": {"name": "patch"}}


def read(**body):
    return OpenAIChat().read(request(PATH, {"model": "gemini-3.8-flash", "messages": [HI], **body}))


def refused(**body) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(**body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [HI, {"role": "robot"}]}, "messages[1].role"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "?"}]}, "messages[0].tool_call_id"),
        ({"messages": [HI, {"role": "function", "name": "f", "content": "?"}]}, "messages[1].name"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": "low", "google": {"thinking_config": {"thinking_budget": 5}}}, "reasoning_effort"),
        ({"google": {"thinking_config": "high"}}, "google.thinking_config"),
        ({"google": {"image_config": 5, "aspect_ratio": "1:1"}}, "google.image_config"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [FUNCTION, {"type": "hologram"}]}, "tools[1].type"),
        ({"tools": [{"type": ["function"]}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools[0].function"),
        ({"tools": [FUNCTION, {"type": "custom", "name": "f"}]}, "tools[1].custom"),
        ({"tools": [FUNCTION, {"type": "custom", "custom": {}}]}, "tools[1].custom.name"),
        ({"tools": [CUSTOM], "tool_choice": {"type": "custom", "custom": {"name": "g"}}}, "tool_choice"),
        ({"tools": [CUSTOM], "tool_choice": {"type": "custom"}}, "tool_choice"),
        ({"messages": [HI, {"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[1].tool_calls[0].function"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"functions": [{"name": "f"}], "function_call": {"nom": "f"}}, "function_call.name"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"audio": {"format": "mp3"}}, "audio.format"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
    ],
)
def test_fault_names_its_field(body, field):
    assert refused(**body).field == field


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, "image_url"),
        ({"type": "image_url", "image_url": "ftp://pictures.example/a.png"}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "input_audio.data"),
        ({"type": "file", "file": {"file_id": "file-of-somebody-else"}}, "file"),
    ],
)
def test_part_that_cannot_be_sent_is_refused_and_never_dropped(part, field):
    """Seed #35: what could not be read was left out without a word."""
    fault = refused(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, part]}])
    assert fault.field == f"messages[0].content[1].{field}"


def test_instructions_of_pictures_are_refused():
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert refused(messages=[{"role": "system", "content": [part]}, HI]).field == "messages[0].content"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"x":' * 100_000,
        b'{"model":"m","messages":[],"tools":[' + b'{"a":' * 120 + b"1" + b"}" * 120 + b"]}",
    ],
)
def test_body_that_is_no_request_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        OpenAIChat().read(request(PATH, body))


def test_body_is_json_whatever_the_content_type_says():
    """Seed #43: 422, with the whole prompt echoed."""
    body = orjson.dumps({"model": "m", "messages": [HI]})
    headers = [(b"content-type", b"text/plain")]
    asked = OpenAIChat().read(Request(method="POST", path=PATH, headers=headers, body=body))
    assert asked.model == "m"


def test_meaningless_and_unknown_fields_are_ignored():
    ignored = {"user": "u", "store": True, "metadata": {}, "logit_bias": {}, "service_tier": "auto", "zz": [{}]}
    assert read(**ignored).payload == read().payload == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_null_means_absent():
    names = ("temperature", "tools", "tool_choice", "stop", "response_format", "stream", "n", "extra_body")
    assert read(**dict.fromkeys(names)).payload == read().payload


def test_callers_numbers_reach_upstream_as_they_are():
    """Seed #32: limits and topK were overwritten."""
    config = read(temperature=0, top_p=1, top_k=1000, max_tokens=10**7, n=1, seed=-(2**40)).payload["generationConfig"]
    assert orjson.dumps(config) == (
        b'{"temperature":0,"topP":1,"topK":1000,"candidateCount":1,"seed":-1099511627776,"maxOutputTokens":10000000}'
    )


def test_newer_name_of_the_limit_counts():
    assert read(max_tokens=1, max_completion_tokens=2).payload["generationConfig"] == {"maxOutputTokens": 2}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [FUNCTION]}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        ({"type": "custom", "custom": {"name": "patch"}}, {"mode": "ANY", "allowedFunctionNames": ["patch"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CUSTOM, FUNCTION]}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["patch", "f"]},
        ),
    ],
)
def test_tool_choice_becomes_a_calling_mode(choice, config):
    """Seed #61: `required` was ignored."""
    assert read(tools=[FUNCTION, CUSTOM], tool_choice=choice).payload["toolConfig"] == {"functionCallingConfig": config}


def test_custom_tool_is_a_function_of_one_text():
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}
    asked = read(tools=[{"type": "custom", "custom": {"name": "patch", "description": "Edits.", "format": grammar}}])
    assert asked.payload["tools"][0]["functionDeclarations"] == [
        {
            "name": "patch",
            "description": "Edits.\n\nThe input must fit this grammar:\nstart: x",
            "parametersJsonSchema": {
                "type": "object",
                "properties": {"input": {"type": "string"}},
                "required": ["input"],
            },
        }
    ]


def test_flat_tool_is_told_where_its_function_is_missing():
    message = refused(tools=[{"type": "function", "name": "f", "parameters": {}}]).message
    assert message.startswith("tools[0].function: required, but missing")


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_choice_without_tools_is_no_choice(choice):
    assert "toolConfig" not in read(tool_choice=choice).payload


@pytest.mark.parametrize(
    "tool", [{"googleSearch": {}}, {"google_search": {}}, {"type": "web_search"}, {"type": "web_search_preview"}]
)
def test_search_tool_is_googles_own(tool):
    assert read(tools=[tool]).payload["tools"] == [{"googleSearch": {}}]


def test_googles_tools_beside_functions_are_announced():
    payload = read(tools=[FUNCTION, {"googleSearch": {}}]).payload
    assert payload["toolConfig"] == {"includeServerSideToolInvocations": True}


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {}, "additionalProperties": False},
    ],
)
def test_function_without_parameters_has_no_schema(parameters):
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    assert read(tools=[tool]).payload["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_result_after_others_spoke_stands_at_its_call():
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in ("a", "b")]
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in ("a", "b")]
    asked = {"role": "assistant", "tool_calls": calls}
    contents = read(messages=[HI, asked, results[0], {"role": "user", "content": "and?"}, results[1]]).payload[
        "contents"
    ]
    assert len(contents) == 3
    first, second, said = contents[2]["parts"]
    assert first["functionResponse"] == {"name": "f", "id": "a", "response": {"result": "a"}}
    assert second["functionResponse"] == {"name": "f", "id": "b", "response": {"result": "b"}}
    assert said == {"text": "and?"}


def test_user_data_keys_are_never_renamed():
    """Seed #60: `user_id` became `userId` while `required` kept `user_id`."""
    schema = {"type": "object", "properties": {"user_id": {"type": "string"}}, "required": ["user_id"]}
    body = {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "messages": [
            HI,
            {
                "role": "assistant",
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": '{"user_id":"1"}'}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": '{"first_name":{"last_name":1}}'},
        ],
    }
    payload = read(**body).payload
    assert payload["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema
    assert payload["contents"][1]["parts"][0]["functionCall"]["args"] == {"user_id": "1"}
    assert payload["contents"][2]["parts"][0]["functionResponse"]["response"] == {"first_name": {"last_name": 1}}


def test_addresses_to_fetch_are_listed():
    """Seed #35: pictures by address were left out without a word."""
    url = "https://pictures.example/a.png"
    part = {"type": "image_url", "image_url": {"url": url}}
    asked = read(messages=[{"role": "user", "content": [part]}])
    assert asked.echo.fetch == [url]
    assert asked.payload["contents"][0]["parts"] == [{"fileData": {"fileUri": url}}]


@pytest.mark.parametrize(
    "extra",
    [
        {"extra_content": {"google": {"thought_signature": "c2ln"}}},
        {"thought_signature": "c2ln"},
        {"thoughtSignature": "c2ln"},
    ],
)
def test_signature_is_found_in_every_spelling(extra):
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}, **extra}
    said = {"role": "assistant", "content": "text", **extra}
    contents = read(messages=[HI, said, HI, {"role": "assistant", "tool_calls": [call]}]).payload["contents"]
    assert contents[1]["parts"] == [{"text": "text", "thoughtSignature": "c2ln"}]
    assert contents[3]["parts"][0]["thoughtSignature"] == "c2ln"


def test_gemini_body_is_understood():
    """Seed #21: promised, and answered with 400."""
    body = {
        "model": "models/m",
        "contents": {"parts": {"text": "hi"}},
        "stream": True,
        "generation_config": {"seed": 1},
    }
    asked = OpenAIChat().read(request(PATH, body))
    assert (asked.model, asked.stream) == ("m", True)
    assert asked.payload == {
        "contents": [{"parts": [{"text": "hi"}], "role": "user"}],
        "generationConfig": {"seed": 1},
    }


def test_path_decides_the_operation():
    dialect = OpenAIChat()
    assert dialect.read(request("/v1/models", method="GET")).operation == "models"
    one = dialect.read(request("/v1/models/models/fake/gemini-x", method="GET"))
    assert (one.operation, one.model) == ("model", "fake/gemini-x")
    with pytest.raises(NotFound):
        dialect.read(request("/v1/completions", {}))
    with pytest.raises(MethodNotAllowed):
        dialect.read(request(PATH, method="GET"))
