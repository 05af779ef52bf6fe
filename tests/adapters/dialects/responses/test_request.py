"""Responses requests, item by item and field by field, as the hub's payload."""

import pytest

from adapters.dialects.responses import OpenAIResponses
from adapters.dialects.seal import sealed
from pipeline.errors import BadRequest, MethodNotAllowed, NotFound
from tests.adapters.dialects.rig import request

FUNCTION = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {}}},
}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}', "id": "fc_1"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "20"}
GO = {"role": "user", "content": "go"}


def asked(given="hi", **body):
    body = {"model": "gemini-3.8-flash", "input": given, **body}
    return OpenAIResponses().read(request("/v1/responses", body))


def test_parameters_reach_upstream_unchanged():
    read = asked(
        instructions="be brief",
        max_output_tokens=7,
        temperature=0,
        top_p=0.5,
        stream=True,
        store=True,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
    )
    assert (read.model, read.stream) == ("gemini-3.8-flash", True)
    assert read.payload == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {
            "maxOutputTokens": 7,
            "temperature": 0,
            "topP": 0.5,
            "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
        },
    }


def test_every_form_of_content_becomes_parts():
    png = "data:image/png;base64,AAAA"
    read = asked(
        [
            {"role": "developer", "content": "rule"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "look"},
                    {"type": "input_image", "image_url": png, "detail": "auto"},
                    {"type": "input_image", "image_url": "https://pictures.example/a.png"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                ],
            },
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "seen", "annotations": []},
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            GO,
        ]
    )
    assert read.payload["systemInstruction"] == {"parts": [{"text": "rule"}]}
    assert read.payload["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "look"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"fileUri": "https://pictures.example/a.png"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
                {"inlineData": {"mimeType": "audio/mpeg", "data": "AAAA"}},
            ],
        },
        {"role": "model", "parts": [{"text": "seen"}, {"text": "no"}]},
        {"role": "user", "parts": [{"text": "go"}]},
    ]
    assert read.echo.fetch == ["https://pictures.example/a.png"]


def test_tool_loop_of_two_steps_keeps_each_signature_at_its_call():
    def reasoning(signature):
        part = {"functionCall": {}, "thoughtSignature": signature}
        return {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": sealed(part)}

    second = {**CALL, "call_id": "c2"}
    third = {**CALL, "call_id": "c3"}
    read = asked(
        [
            GO,
            reasoning("s1"),
            CALL,
            second,
            {**OUTPUT, "call_id": "c2", "output": '{"t": 1}'},
            OUTPUT,
            reasoning("s2"),
            third,
            {**OUTPUT, "call_id": "c3"},
        ],
        tools=[FUNCTION],
    )
    _, first, answers, then, last = read.payload["contents"]
    assert [part.get("thoughtSignature") for part in first["parts"]] == ["s1", None]
    assert [part["functionResponse"]["response"] for part in answers["parts"]] == [{"result": "20"}, {"t": 1}]
    assert then["parts"] == [{"functionCall": {"name": "f", "args": {"a": 1}, "id": "c3"}, "thoughtSignature": "s2"}]
    assert last["parts"][0]["functionResponse"]["id"] == "c3"


def test_outputs_in_any_order_stand_at_their_calls():
    second, third = ({**CALL, "call_id": name} for name in ("c2", "c3"))
    late = [{**OUTPUT, "call_id": name, "output": name} for name in ("c2", "c3")]
    contents = asked([GO, CALL, second, OUTPUT, third, GO, *late]).payload["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user", "model", "user"]
    answers = [
        part["functionResponse"]["response"] for n in (2, 4) for part in contents[n]["parts"] if "text" not in part
    ]
    assert answers == [{"result": "20"}, {"result": "c2"}, {"result": "c3"}]
    assert contents[4]["parts"][1:] == [{"text": "go"}]


def test_foreign_reasoning_never_goes_upstream():
    foreign = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAAAABo"}
    read = asked([GO, foreign, CALL, OUTPUT])
    assert read.payload["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}]


def test_output_before_its_call_goes_where_its_id_says():
    second = {**CALL, "call_id": "c2"}
    bye = {"role": "user", "content": "bye"}
    due = asked([GO, CALL, second, OUTPUT, {**OUTPUT, "call_id": "c2", "output": "30"}, bye])
    assert asked([GO, {**OUTPUT, "call_id": "c2", "output": "30"}, OUTPUT, CALL, second, bye]).payload == due.payload


def test_arguments_that_are_no_object_are_kept():
    read = asked([GO, {**CALL, "arguments": '{"a":'}, OUTPUT])
    assert read.payload["contents"][1]["parts"][0]["functionCall"]["args"] == {"value": '{"a":'}


def test_tools_of_every_kind_become_googles():
    custom = {"type": "custom", "name": "patch", "format": {"type": "grammar", "definition": "start: x"}}
    read = asked(tools=[FUNCTION, custom, {"type": "web_search"}], tool_choice="required")
    functions, search = read.payload["tools"]
    plain, patch = functions["functionDeclarations"]
    assert plain == {"name": "f", "description": "d", "parametersJsonSchema": FUNCTION["parameters"]}
    assert patch["parametersJsonSchema"]["required"] == ["input"]
    assert "start: x" in patch["description"]
    assert search == {"googleSearch": {}}
    assert read.payload["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}
    assert read.echo.custom == {"patch"}


def test_googles_tools_beside_functions_are_announced_whatever_the_model_is_called():
    payload = asked(model="gpt-5", tools=[FUNCTION, {"type": "web_search"}]).payload
    assert payload["toolConfig"] == {"includeServerSideToolInvocations": True}


@pytest.mark.parametrize(
    ("choice", "due"),
    [
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_tool_choice_becomes_a_mode(choice, due):
    read = asked(tools=[FUNCTION], tool_choice=choice)
    assert read.payload.get("toolConfig", {}).get("functionCallingConfig") == due


@pytest.mark.parametrize(
    ("given", "body", "field"),
    [
        ([], {}, "input"),
        ("", {}, "input"),
        ([{"role": "robot", "content": "x"}], {}, "input[0].role"),
        ([GO, {"type": "item_reference", "id": "x"}], {}, "input[1].type"),
        ([GO, {"type": "hologram"}], {}, "input[1].type"),
        ([GO, {"type": ["message"]}], {}, "input[1].type"),
        ([GO, OUTPUT], {}, "input[1].call_id"),
        ([GO, {"type": "function_call", "call_id": "c"}], {}, "input[1].name"),
        ([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}], {}, "input[0].content[0].image_url"),
        ("hi", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("hi", {"conversation": "conv_1"}, "conversation"),
        ("hi", {"background": True}, "background"),
        ("hi", {"tools": [{"type": "file_search"}]}, "tools[0].type"),
        ("hi", {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice"),
        ("hi", {"temperature": "hot"}, "temperature"),
    ],
)
def test_misfit_is_refused_with_its_place(given, body, field):
    with pytest.raises(BadRequest) as refused:
        asked(given, **body)
    assert refused.value.field == field


def test_stored_responses_and_other_methods_are_refused():
    with pytest.raises(NotFound):
        OpenAIResponses().read(request("/v1/responses/resp_1", method="GET"))
    with pytest.raises(MethodNotAllowed):
        OpenAIResponses().read(request("/v1/responses", method="GET"))
