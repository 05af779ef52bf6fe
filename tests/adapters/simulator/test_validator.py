"""What Google refuses, in Google's words: one row per text of the wire specification."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from adapters.simulator.fields import read
from adapters.simulator.models import MODELS
from adapters.simulator.refusal import Refusal
from adapters.simulator.signatures import DUMMIES, mint
from adapters.simulator.validator import validate

MODEL = "gemini-3.8-flash"
USER = {"role": "user", "parts": [{"text": "hi"}]}
CALL = {"functionCall": {"name": "f", "args": {}}}
DONE = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"ok": True}}}]}


def _model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def _signed(signature: str) -> dict[str, Any]:
    return {"contents": [USER, _model({**CALL, "thoughtSignature": signature}), DONE]}


def _config(**config: Any) -> dict[str, Any]:
    return {"contents": [USER], "generationConfig": config}


def _thinking(**config: Any) -> dict[str, Any]:
    return _config(thinkingConfig=config)


def _tool(**tool: Any) -> dict[str, Any]:
    return {"contents": [USER], "tools": [tool]}


def _parameters(**schema: Any) -> dict[str, Any]:
    return _tool(functionDeclarations=[{"name": "f", "parameters": schema}])


def _safety(*names: str) -> dict[str, Any]:
    settings = [{"category": f"HARM_CATEGORY_{name}", "threshold": "OFF"} for name in names]
    return {"contents": [USER], "safetySettings": settings}


def _validate(request: dict[str, Any], model: str, face: Any = "gemini", *, stream: bool = False) -> None:
    clean = read(orjson.dumps(request), "GenerateContentRequest", face)
    validate(clean, MODELS[model], face, stream=stream)


def _refusal(request: dict[str, Any], model: str = MODEL, face: Any = "gemini") -> str:
    with pytest.raises(Refusal) as caught:
        _validate(request, model, face)
    assert caught.value.status == 400
    assert isinstance(caught.value.body, dict)
    return str(caught.value.body["error"]["message"])


UNKNOWN = "Invalid JSON payload received. Unknown name "
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (MODEL, {"contents": [USER], "foo": 1}, UNKNOWN + '"foo": Cannot find field.'),
    (MODEL, _config(foo=1), UNKNOWN + "\"foo\" at 'generation_config': Cannot find field."),
    (MODEL, _config(audioTimestamp=True), UNKNOWN + "\"audioTimestamp\" at 'generation_config'"),
    (
        MODEL,
        _parameters(**{"type": "object", "$schema": "x"}),
        UNKNOWN + "\"$schema\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
    ),
    (
        MODEL,
        _parameters(type="object", properties={"title": {"type": ["string", "null"]}}),
        (
            "Invalid value at 'tools[0].function_declarations[0].parameters.properties[0].value.type' (type), Proto"
            " field is not repeating, cannot start list."
        ),
    ),
    (MODEL, _config(temperature="warm"), "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"warm\""),
    (MODEL, {"contents": []}, "contents is not specified"),
    (MODEL, {"contents": [{"role": "user", "parts": []}]}, "contents[0].parts: contents.parts must not be empty."),
    (MODEL, {"contents": [{"role": "user"}]}, "contents.parts must not be empty."),
    (MODEL, {"contents": [{"parts": [{"thought": True}]}]}, "required oneof field 'data' must have one initialized"),
    (MODEL, {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
    (
        MODEL,
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": "text"}}]}]},
        'function_response.response\' (type.googleapis.com/google.protobuf.Struct), "text"',
    ),
    (MODEL, {"contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": "#"}}]}]}, "Base64 decoding failed"),
    (MODEL, {"contents": [USER, _model(CALL, CALL), DONE]}, "the number of function response parts is equal"),
    (MODEL, {"contents": [USER, _model(CALL), USER]}, "the number of function response parts is equal"),
    (MODEL, {"contents": [USER, DONE]}, "function response turn comes immediately after a function call turn"),
    (MODEL, {"contents": [_model(CALL), DONE]}, "function call turn comes immediately after a user turn"),
    (
        MODEL,
        {"contents": [USER, _model(CALL), DONE]},
        (
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
            " correctly, and missing thought_signature may lead to degraded model performance. Additional data,"
            " function call `default_api:f` , position 2."
        ),
    ),
    (MODEL, _signed("AAAA"), "Corrupted thought signature."),
    (MODEL, _signed(mint(MODEL, "g", "x")), "Corrupted thought signature."),
    (MODEL, _signed(mint("gemini-3.7-flash", "f", "x")), "Corrupted thought signature."),
    (MODEL, _signed(mint(MODEL, "f", "x")[:-8]), "Corrupted thought signature."),
    ("gemini-3-pro-image", {"contents": [USER, _model({"inlineData": {"data": "AA"}}), USER]}, "Image part is missing"),
    (MODEL, _thinking(thinkingLevel="MINIMAL"), "Thinking level MINIMAL is not supported for this model. Please retry"),
    ("gemini-3-pro-preview", _thinking(thinkingLevel="MEDIUM"), "Thinking level MEDIUM is not supported"),
    ("gemini-2.5-pro", _thinking(thinkingLevel="LOW"), "Thinking level is not supported for this model."),
    ("gemini-2.5-pro", _thinking(thinkingBudget=0), "Budget 0 is invalid. This model only works in thinking mode."),
    (
        "gemini-2.5-flash-lite",
        _thinking(thinkingBudget=100),
        "The thinking budget 100 is invalid. Please choose a value between 512 and 24576.",
    ),
    (MODEL, _thinking(thinkingBudget=1, thinkingLevel="LOW"), "only one of thinking budget and thinking level"),
    (MODEL, _safety("HARASSMENT", "JAILBREAK"), "safety_settings[1]: element predicate failed: $.category in (Harm"),
    (MODEL, _safety("HARASSMENT", "HARASSMENT"), "duplicate category"),
    (MODEL, _tool(googleSearch={}, functionDeclarations=[{"name": "f"}]), "include_server_side_tool_invocations"),
    ("gemini-2.5-pro", _tool(codeExecution={}, functionDeclarations=[{"name": "f"}]), "is unsupported"),
    (MODEL, _tool(functionDeclarations=[{"name": "1f"}]), "Invalid function name."),
    (MODEL, _tool(functionDeclarations=[{"name": "f"}, {"name": "f"}]), "Duplicate function declaration found: f"),
    (
        MODEL,
        _tool(functionDeclarations=[{"name": "f", "parameters": {}, "parametersJsonSchema": {}}]),
        "mutually exclusive",
    ),
    ("gemini-2.5-pro", _parameters(type="OBJECT", properties={}), "should be non-empty for OBJECT type"),
    (MODEL, _parameters(type="OBJECT", required=["a"]), "required[0]: property is not defined"),
    (MODEL, _parameters(type="OBJECT", properties={"a": {"type": "array"}}), "properties[a].items: missing field."),
    (
        MODEL,
        _parameters(type="OBJECT", properties={"a": {"type": "integer", "enum": ["1"]}}),
        "only allowed for STRING",
    ),
    (
        MODEL,
        {"contents": [USER], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "without function_declarations",
    ),
    (
        MODEL,
        {"contents": [USER], "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"]}}},
        "mode is ANY",
    ),
    (MODEL, _config(responseJsonSchema={}), "response_mime_type must be"),
    (MODEL, _config(responseMimeType="application/json", responseSchema={}, responseJsonSchema={}), "Only one of"),
    (MODEL, _config(stopSequences=list("abcdef")), "stop sequences"),
    (MODEL, _config(maxOutputTokens=65_537), "maxOutputTokens value of 65537 but the supported range is from 1"),
    (MODEL, _config(temperature=2.1), "temperature must be in the range [0.0, 2.0]."),
    (MODEL, _config(responseModalities=["IMAGE"]), "Model does not support the requested response modalities: image"),
    ("gemini-4-argon", _config(maxOutputTokens=40_000), "continuation_token"),
]


@pytest.mark.parametrize(("model", "request_body", "text"), REFUSED)
def test_bad_request_gets_googles_text(model, request_body, text):
    assert text in _refusal(request_body, model)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (MODEL, {"contents": {"parts": {"text": "one object where a list belongs"}}}),
    (MODEL, {"contents": [USER], "system_instruction": {"parts": [{"text": "x"}]}, "cachedContent": None}),
    (MODEL, {"contents": [{"parts": [{"inlineData": {"mime_type": "image/png", "data": "AP_-"}}]}]}),
    (MODEL, _tool(functionDeclarations=[{"name": "f", "parameters_json_schema": {"$schema": "x", "const": 1}}])),
    (MODEL, _parameters(type="object", properties={"title": {"type": "string"}, "$schema": {"type": "string"}})),
    (MODEL, _config(maxOutputTokens="100", top_p=0.5)),
    (MODEL, {"contents": [USER, _model(CALL), DONE, _model({"text": "done"}), USER]}),
    ("gemini-2.5-pro", {"contents": [USER, _model(CALL), DONE]}),
    ("gemini-2.5-flash", _thinking(thinkingBudget=0)),
    (MODEL, _thinking(thinkingBudget=512)),
    (MODEL, _signed(mint(MODEL, "f", "x"))),
    (MODEL, _signed(mint(MODEL, "f", "x").replace("+", "-").replace("/", "_").rstrip("="))),
    *((MODEL, _signed(dummy)) for dummy in sorted(DUMMIES)),
    *((MODEL, _signed(base64.b64encode(dummy.encode()).decode())) for dummy in sorted(DUMMIES)),
    (
        MODEL,
        {
            **_tool(googleSearch={}, functionDeclarations=[{"name": "f"}]),
            "toolConfig": {"include_server_side_tool_invocations": True},
        },
    ),
]


@pytest.mark.parametrize(("model", "request_body"), ACCEPTED)
def test_good_request_is_accepted(model, request_body):
    _validate(request_body, model)


def test_several_unknown_fields_are_named_together():
    lines = _refusal({"contents": [USER], "foo": 1, "generationConfig": {"bar": 2}}).splitlines()
    assert [line.split('"')[1] for line in lines] == ["foo", "bar"]


def test_vertex_words_the_missing_signature_otherwise():
    text = _refusal({"contents": [USER, _model(CALL), DONE]}, face="vertex")
    assert "`default_api:f` in the 2nd content block is missing a `thought_signature`" in text


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([USER, USER], "alternate between user and model roles"),
        ([USER, _model({"text": "x"})], "ends with a user role"),
        (
            [
                USER,
                _model({**CALL, "thoughtSignature": mint(MODEL, "f", "x")}),
                {"role": "user", "parts": [{"text": "first"}, *DONE["parts"]]},
            ],
            "function response parts come before",
        ),
    ],
)
def test_code_assist_insists_on_the_order_of_turns(contents, text):
    assert text in _refusal({"contents": contents}, face="code_assist")


def test_argon_streams_what_it_does_not_say_at_once():
    _validate(_config(maxOutputTokens=60_000), "gemini-4-argon", stream=True)
