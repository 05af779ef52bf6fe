"""Cleaning touches only what Google trips over, and never a name or a value of the caller's."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.schema import MAPS, clean, recursive

KEYWORDISH = ("title", "properties", "default", "const", "format", "$ref", "enum", "type", "$schema", "allOf")


def test_properties_named_like_keywords_survive():
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in KEYWORDISH}}
    assert clean(schema) == schema


def test_values_that_look_like_schemas_survive():
    schema = {
        "type": "object",
        "default": {"$schema": "x", "const": 1},
        "enum": [{"const": 1}],
        "examples": [{"$ref": 1}],
    }
    assert clean(schema) == schema


def test_const_becomes_enum_of_one():
    assert clean({"const": "leaf"}) == {"enum": ["leaf"]}
    assert clean({"const": 3, "type": "integer"}) == {"enum": [3], "type": "integer"}
    assert clean({"const": True, "type": "boolean"}) == {"type": "boolean"}


def test_reference_beside_words_is_written_out():
    schema = {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A", "description": "why"}}}
    assert clean(schema)["properties"]["a"] == {"type": "string", "description": "why"}


def test_reference_alone_stays():
    schema = {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A"}}}
    assert clean(schema) == schema


def test_recursive_reference_beside_words_loses_the_words():
    """Seed #33: one tool with a tree in it ended in a RecursionError."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N", "description": "the next"}}}
    schema = {"$defs": {"N": node}, "$ref": "#/$defs/N"}
    cleaned = clean(schema)
    assert cleaned["$ref"] == "#/$defs/N"
    assert cleaned["$defs"]["N"]["properties"]["next"] == {"$ref": "#/$defs/N"}


def test_definitions_of_older_generators_stay_within_reach():
    node = {"type": "object", "properties": {"kind": {"const": "n"}, "next": {"$ref": "#/definitions/N"}}}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/N",
        "definitions": {"N": node},
    }
    cleaned = clean(schema)
    assert cleaned.keys() == {"$ref", "$defs"}
    assert cleaned["$ref"] == cleaned["$defs"]["N"]["properties"]["next"]["$ref"] == "#/$defs/N"
    assert cleaned["$defs"]["N"]["properties"]["kind"] == {"enum": ["n"]}
    # A property may be called so, and a name of the caller's may look like the pointer.
    named = {"properties": {"definitions": {"type": "string"}, "$ref": {"enum": ["#/definitions/N"]}}}
    assert clean({**named, "definitions": {"N": node}})["properties"] == named["properties"]


def test_single_all_of_is_merged_with_its_neighbours():
    schema = {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"allOf": [{"$ref": "#/$defs/A"}], "title": "T"}}}
    assert clean(schema)["properties"]["a"] == {"type": "string", "title": "T"}


def test_argument_is_not_edited():
    schema = {"$schema": "x", "properties": {"a": {"const": 1}}, "allOf": [{"type": "object"}]}
    before = orjson.dumps(schema)
    clean(schema)
    assert orjson.dumps(schema) == before


def test_billion_laughs_stay_small_and_writable():
    defs = {
        f"D{n}": {"type": "object", "properties": {s: {"$ref": f"#/$defs/D{n + 1}", "title": s} for s in "ab"}}
        for n in range(60)
    }
    defs["D60"] = {"type": "string"}
    cleaned = clean({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/D0", "title": "x"}}})
    assert len(orjson.dumps(cleaned)) < 2_000_000


def test_loops_of_references_are_found():
    root = {"$defs": {"A": {"items": {"$ref": "#/$defs/B"}}, "B": {"anyOf": [{"$ref": "#/$defs/A"}]}, "C": {}}}
    assert recursive(root, "#/$defs/A")
    assert not recursive(root, "#/$defs/C")


NAMES = st.sampled_from([*KEYWORDISH, "a", "b", "items", "anyOf", "$defs", "required", "additionalProperties"])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["#/$defs/a", "#", "#/properties/a", "string", "x"])
)
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_whatever_comes_is_cleaned_without_a_trace_of_const(schema):
    def walk(node):
        if not isinstance(node, dict):
            return
        assert "const" not in node
        assert "$schema" not in node
        for key, value in node.items():
            if key in MAPS and isinstance(value, dict):
                for each in value.values():
                    walk(each)
            elif key in ("items", "additionalProperties"):
                walk(value)

    cleaned = clean(schema)
    orjson.dumps(cleaned)
    walk(cleaned)
