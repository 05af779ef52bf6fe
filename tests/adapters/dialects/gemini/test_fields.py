"""Google's names are normalised, and nobody else's."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.gemini.fields import REQUEST, normalise, snake

# What google-genai 3.4 really sends: both spellings within one body (upstream-wire 3.2).
MIXED = {
    "contents": [
        {
            "role": "user",
            "parts": [{"text": "x"}, {"inlineData": {"data": "AP_-", "mime_type": "image/png"}}],
        },
        {
            "role": "model",
            "parts": [{"functionCall": {"id": "i", "args": {"a_b": 1}, "name": "f"}, "thought_signature": "-_"}],
        },
    ],
    "system_instruction": {"role": "user", "parts": [{"text": "sys"}]},
    "tools": [
        {"google_search": {"time_range_filter": {}}},
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "parameters_json_schema": {
                        "type": "object",
                        "properties": {"user_id": {"type": "string"}},
                        "required": ["user_id"],
                    },
                }
            ]
        },
    ],
    "generationConfig": {"thinkingConfig": {"include_thoughts": True, "thinking_level": "LOW"}, "top_k": 3},
}


def test_names_in_both_spellings_become_camel_case_where_google_owns_them():
    chunk = normalise(copy.deepcopy(MIXED), REQUEST)
    assert chunk["contents"][0]["parts"][1] == {"inlineData": {"data": "AP_-", "mimeType": "image/png"}}
    assert chunk["contents"][1]["parts"][0]["thoughtSignature"] == "-_"
    assert chunk["systemInstruction"]["parts"] == [{"text": "sys"}]
    assert chunk["tools"][0] == {"googleSearch": {"timeRangeFilter": {}}}
    assert chunk["generationConfig"] == {
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
        "topK": 3,
    }


def test_callers_own_names_stay_as_they_are():
    """seed-systems 4.4 #60: `user_id` became `userId` while `required` kept `user_id`."""
    chunk = normalise(copy.deepcopy(MIXED), REQUEST)
    schema = chunk["tools"][1]["functionDeclarations"][0]["parametersJsonSchema"]
    assert schema == {
        "type": "object",
        "properties": {"user_id": {"type": "string"}},
        "required": ["user_id"],
    }
    assert chunk["contents"][1]["parts"][0]["functionCall"]["args"] == {"a_b": 1}


def test_unknown_fields_pass_untouched_in_their_place():
    """seed-systems 4.3 #48."""
    body = {"contents": [{"parts": [{"text": "x", "new_thing": {"a_b": None}}]}], "future_field": None}
    assert normalise(copy.deepcopy(body), REQUEST) == body


def test_null_is_absent_where_google_owns_the_name():
    assert normalise({"contents": [], "tools": None, "generation_config": {"seed": None}}, REQUEST) == {
        "contents": [],
        "generationConfig": {},
    }


def test_one_object_where_a_list_is_due_becomes_a_list():
    body = {"contents": {"parts": {"text": "x"}}, "tools": {"codeExecution": {}}}
    assert normalise(body, REQUEST) == {
        "contents": [{"parts": [{"text": "x"}]}],
        "tools": [{"codeExecution": {}}],
    }


def test_order_of_fields_survives_renaming():
    assert list(normalise({"zeta": 1, "safety_settings": [], "alpha": 2}, REQUEST)) == [
        "zeta",
        "safetySettings",
        "alpha",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_arguments_results_and_schemas_are_never_touched(anything):
    body = {
        "contents": [
            {"parts": [{"function_call": {"name": "f", "args": anything}}]},
            {"parts": [{"functionResponse": {"name": "f", "response": anything}}]},
        ],
        "tools": [{"function_declarations": [{"name": "f", "parameters": anything}]}],
        "labels": anything,
    }
    chunk = normalise(copy.deepcopy(body), REQUEST)
    first, second = (content["parts"][0] for content in chunk["contents"])
    assert first["functionCall"].get("args") == anything
    assert second["functionResponse"].get("response") == anything
    assert chunk["tools"][0]["functionDeclarations"][0].get("parameters") == anything
    assert chunk.get("labels") == anything


def test_snake_is_the_proto_spelling():
    assert snake("responseJsonSchema") == "response_json_schema"
