"""Messages requests, block by block and field by field, as the hub's payload."""

import pytest

from adapters.dialects.anthropic import Anthropic
from adapters.dialects.seal import sealed
from pipeline.errors import BadRequest, MethodNotAllowed, NotFound
from tests.adapters.dialects.rig import request

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
WEATHER = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {"a": {}}}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"a": 1}}


def asked(*messages, model="gemini-3.8-flash", **body):
    return Anthropic().read(request("/v1/messages", {"model": model, "messages": list(messages), **body}))


def user(content):
    return {"role": "user", "content": content}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def budget(tokens):
    return {"type": "enabled", "budget_tokens": tokens}


def result(use="toolu_1", content="20", **extra):
    return {"type": "tool_result", "tool_use_id": use, "content": content, **extra}


def refused(*messages, **body) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        asked(*messages, **body)
    return raised.value


def test_parameters_reach_upstream_unchanged():
    read = asked(
        user("hi"), max_tokens=7, temperature=0, top_p=0.5, top_k=3, stop_sequences=["x"], stream=True, metadata={}
    )
    assert (read.model, read.stream, read.operation) == ("gemini-3.8-flash", True, "generate")
    assert read.payload == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {
            "maxOutputTokens": 7,
            "temperature": 0,
            "topP": 0.5,
            "topK": 3,
            "stopSequences": ["x"],
        },
    }


def test_system_may_be_text_blocks_or_a_message():
    blocks = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]
    assert asked(user("hi"), system="a").payload["systemInstruction"] == {"parts": [{"text": "a"}]}
    read = asked(user("hi"), {"role": "system", "content": "c"}, system=blocks)
    assert read.payload["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}


def test_tool_loop_keeps_ids_order_and_signature():
    part = {"functionCall": {}, "thoughtSignature": "c2ln"}
    thinking = {"type": "thinking", "thinking": "hm", "signature": sealed(part)}
    second = {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"a": 2}}
    read = asked(
        user("go"),
        assistant(thinking, {"type": "text", "text": "Let me see."}, USE, second),
        user([result("toolu_2", "30"), {"type": "text", "text": "now?"}, result("toolu_1", "20")]),
        tools=[WEATHER],
    )
    assert read.payload["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "Let me see."},
                {
                    "functionCall": {"name": "weather", "args": {"a": 1}, "id": "toolu_1"},
                    "thoughtSignature": "c2ln",
                },
                {"functionCall": {"name": "weather", "args": {"a": 2}, "id": "toolu_2"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"result": "20"}, "id": "toolu_1"}},
                {"functionResponse": {"name": "weather", "response": {"result": "30"}, "id": "toolu_2"}},
                {"text": "now?"},
            ],
        },
    ]


def test_signature_of_text_goes_back_on_text():
    thinking = {"type": "thinking", "thinking": "", "signature": sealed({"text": "x", "thoughtSignature": "c2ln"})}
    read = asked(user("go"), assistant(thinking, USE, {"type": "text", "text": "x"}), user([result()]))
    call, text = read.payload["contents"][1]["parts"]
    assert "thoughtSignature" not in call
    assert text["thoughtSignature"] == "c2ln"


@pytest.mark.parametrize("signature", ["EqQBCkYIARgC", "not base64!", "e30=", None, "bnVsbA=="])
def test_foreign_signature_never_goes_upstream(signature):
    thinking = {"type": "thinking", "thinking": "hm", "signature": signature}
    redacted = {"type": "redacted_thinking", "data": "x"}
    read = asked(user("go"), assistant(thinking, redacted, USE), user([result()]))
    assert read.payload["contents"][1]["parts"] == [
        {"functionCall": {"name": "weather", "args": {"a": 1}, "id": "toolu_1"}}
    ]


def test_what_anthropics_servers_did_is_left_out():
    search = {"type": "server_tool_use", "id": "s1", "name": "tool_search_tool_regex", "input": {"pattern": "w"}}
    found = {"type": "tool_search_tool_search_result", "tool_references": []}
    blocks = [
        search,
        {"type": "tool_search_tool_result", "tool_use_id": "s1", "content": found},
        {"type": "mcp_tool_use", "id": "m1", "name": "n", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "m1", "is_error": False, "content": []},
        {"type": "text", "text": "found"},
    ]
    contents = asked(user("go"), assistant(*blocks), user("and?")).payload["contents"]
    assert contents[1] == {"role": "model", "parts": [{"text": "found"}]}


def test_missing_answer_is_made_up_and_says_so():
    second = {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}}
    read = asked(user("go"), assistant(USE, second), user([result()]))
    answers = [part["functionResponse"] for part in read.payload["contents"][2]["parts"]]
    assert [answer["id"] for answer in answers] == ["toolu_1", "toolu_2"]
    assert answers[1]["response"] == {"error": "No result was given for this call."}


def test_answers_in_messages_of_their_own_belong_to_one_step():
    both = assistant(USE, USE | {"id": "toolu_2"})
    late = user([result("toolu_2", "30"), {"type": "text", "text": "so?"}])
    contents = asked(user("go"), both, user([result()]), {"role": "system", "content": "s"}, late).payload["contents"]
    assert len(contents) == 3
    first, second, text = contents[2]["parts"]
    assert first["functionResponse"] == {"name": "weather", "id": "toolu_1", "response": {"result": "20"}}
    assert second["functionResponse"] == {"name": "weather", "id": "toolu_2", "response": {"result": "30"}}
    assert text == {"text": "so?"}


def test_answer_after_the_user_spoke_stands_at_its_call():
    late = user([result(content=[{"type": "text", "text": "20"}, PNG])])
    contents = asked(user("go"), assistant(USE), user("wait"), late, model="gemini-2.5-flash").payload["contents"]
    answer, said, picture = contents[2]["parts"]
    assert answer["functionResponse"]["response"] == {"result": "20"}
    assert (said, "inlineData" in picture) == ({"text": "wait"}, True)


def test_failed_tool_answers_with_an_error():
    read = asked(user("go"), assistant(USE), user([result(content="boom", is_error=True)]))
    assert read.payload["contents"][2]["parts"][0]["functionResponse"]["response"] == {"error": "boom"}


def test_picture_in_a_result_is_part_of_it_on_gemini_3_and_beside_it_before():
    turn = (user("go"), assistant(USE), user([result(content=[{"type": "text", "text": "see"}, PNG])]))
    inline = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    answer = {"name": "weather", "response": {"result": "see"}, "id": "toolu_1"}
    assert asked(*turn).payload["contents"][2]["parts"] == [{"functionResponse": {**answer, "parts": [inline]}}]
    assert asked(*turn, model="gemini-2.5-flash").payload["contents"][2]["parts"] == [
        {"functionResponse": answer},
        inline,
    ]


def test_pictures_documents_and_results_become_parts():
    address = {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
    read = asked(
        user(
            [
                PNG,
                address,
                {"type": "document", "source": pdf, "title": "T"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "body"}},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]},
            ]
        )
    )
    assert read.payload["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://pictures.example/a.png"}},
        {"text": "T"},
        {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        {"text": "body"},
        {"text": "t\ns\nx"},
    ]
    assert read.echo.fetch == ["https://pictures.example/a.png"]


def test_tools_become_functions_and_googles_own_tools():
    search = {"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["x.example"]}
    read = asked(user("go"), tools=[{**WEATHER, "name": "mcp/weather"}, search], tool_choice={"type": "any"})
    functions, google = read.payload["tools"]
    assert functions["functionDeclarations"][0] == {
        "name": "mcp_weather",
        "description": "d",
        "parametersJsonSchema": WEATHER["input_schema"],
    }
    assert google == {"googleSearch": {"excludeDomains": ["x.example"]}}
    assert read.payload["toolConfig"] == {
        "includeServerSideToolInvocations": True,
        "functionCallingConfig": {"mode": "ANY"},
    }
    assert read.echo.names == {"mcp_weather": "mcp/weather"}


def test_googles_tools_beside_functions_are_announced_whatever_the_model_is_called():
    search = {"type": "web_search_20250305", "name": "web_search"}
    payload = asked(user("hi"), model="claude-sonnet-5", tools=[WEATHER, search]).payload
    assert payload["toolConfig"] == {"includeServerSideToolInvocations": True}


@pytest.mark.parametrize(
    ("choice", "due"),
    [
        ({"type": "auto"}, None),
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "none"}, {"mode": "NONE"}),
        ({"type": "tool", "name": "weather"}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_tool_choice_becomes_a_mode(choice, due):
    read = asked(user("go"), tools=[WEATHER], tool_choice=choice)
    assert read.payload.get("toolConfig", {}).get("functionCallingConfig") == due


@pytest.mark.parametrize(
    ("model", "asking", "due"),
    [
        ("gemini-2.5-flash", budget(2048), {"thinkingBudget": 2048, "includeThoughts": True}),
        ("gemini-2.5-flash", budget(63_999), {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-3.8-flash", budget(10_000), {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3.8-flash", budget(31_999), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.8-flash", {"type": "adaptive"}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"type": "adaptive", "display": "omitted"}, {"includeThoughts": False}),
        ("gemini-2.5-flash", {"type": "disabled"}, {"thinkingBudget": 0, "includeThoughts": False}),
        ("unheard-of", budget(9), {"includeThoughts": True}),
    ],
)  # fmt: skip
def test_thinking_becomes_what_the_model_understands(model, asking, due):
    assert asked(user("go"), model=model, thinking=asking).payload["generationConfig"]["thinkingConfig"] == due


def test_effort_and_format_of_the_output():
    output = {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}}
    config = asked(user("go"), output_config=output).payload["generationConfig"]
    assert config["thinkingConfig"] == {"thinkingLevel": "LOW"}
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["type"] == "object"


@pytest.mark.parametrize(
    ("messages", "body", "field"),
    [
        ([], {}, "messages"),
        ([{"role": "robot", "content": "x"}], {}, "messages[0].role"),
        ([{"content": "x"}], {}, "messages[0].role"),
        ([user([{"type": "hologram"}])], {}, "messages[0].content[0].type"),
        ([user([{"type": "text"}])], {}, "messages[0].content[0].text"),
        ([user([result()])], {}, "messages[0].content[0].tool_use_id"),
        ([user([USE])], {}, "messages[0].content[0]"),
        ([user("x"), assistant(PNG)], {}, "messages[1].content[0]"),
        ([user("x")], {"max_tokens": "many"}, "max_tokens"),
        ([user("x")], {"tools": [{"type": "computer_20250124", "name": "computer"}]}, "tools[0].type"),
        ([user("x")], {"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ([user("x")], {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name"),
    ],
)
def test_misfit_is_refused_with_its_place(messages, body, field):
    assert refused(*messages, **body).field == field


def test_other_path_and_method_are_refused():
    with pytest.raises(NotFound):
        Anthropic().read(request("/v1/complete", {}))
    with pytest.raises(MethodNotAllowed):
        Anthropic().read(request("/v1/messages", method="GET"))
