"""The reduced schema holds only words of the older form, whatever comes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.legacy_schema import KNOWN, reduce
from tests.adapters.dialects.test_schema import ANYTHING, NAMES

TREE = {
    "$defs": {
        "Node": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
    },
    "$ref": "#/$defs/Node",
}


def test_recursive_reference_ends_as_plain_object():
    """Seed #33: one tool with a tree in it ended in a RecursionError."""
    items = reduce(TREE)["properties"]["children"]["items"]
    assert items == {"type": "object", "description": "another Node"}


@pytest.mark.parametrize(
    ("schema", "reduced"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"enum": ["a", None, ""]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"enum": [1, 2]}, {"type": "integer", "description": "(one of: 1, 2)"}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "description": "(exclusiveMinimum: 0)"}),
        ({"type": "string", "format": "uuid"}, {"type": "string", "description": "(format: uuid)"}),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "array"}, {"type": "array", "items": {"type": "string"}}),
        ({"prefixItems": [{"type": "integer"}]}, {"type": "array", "items": {"type": "integer"}}),
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "number"}}},
                ]
            },
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]},
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            {"type": "object", "properties": {"a": {"type": "string"}}},
        ),
        ({"type": "object", "properties": {}, "required": ["gone"]}, {"type": "object"}),
        (True, {"type": "string"}),
    ],
)
def test_keyword_becomes_what_the_older_form_can_say(schema, reduced):
    assert reduce(schema) == reduced


def test_property_names_like_keywords_survive():
    names = ["title", "properties", "const", "$ref", "anyOf", "enum", "format", "additionalProperties"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    assert reduce(schema) == schema


def test_alternatives_of_alternatives_stay_small():
    schema: Any = {"type": "string"}
    for _ in range(30):
        forms = [{"properties": {name: {"type": "string"}}} for name in "abc"]
        schema = {"properties": {"x": schema}, "anyOf": forms}
    assert len(orjson.dumps(reduce(schema))) < 2_000_000


def walk(node: Any, depth: int = 0) -> None:
    assert node.keys() <= KNOWN | {"anyOf"}
    assert depth < 60
    if "anyOf" not in node:
        assert node["type"] in ("string", "number", "integer", "boolean", "array", "object")
    if node.get("type") == "array":
        assert "items" in node
    assert "enum" not in node or (node["type"] == "string" and node["enum"] and all(node["enum"]))
    assert set(node.get("required", ())) <= node.get("properties", {}).keys()
    for each in [
        *node.get("properties", {}).values(),
        *node.get("anyOf", ()),
        *([node["items"]] if "items" in node else ()),
    ]:
        walk(each, depth + 1)


@given(st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_whatever_comes_is_reduced_to_known_words(schema):
    walk(reduce(schema))
