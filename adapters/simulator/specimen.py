"""The smallest value that fulfils a schema, for answers in JSON and for made-up arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MAX_DEPTH = 16

_PLAIN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "string": lambda schema: "text".ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 1 << 20)],
    "integer": lambda schema: int(schema.get("minimum", schema.get("maximum", 1))),
    "number": lambda schema: schema.get("minimum", schema.get("maximum", 1.5)),
    "boolean": lambda _: True,
    "null": lambda _: None,
}


def specimen(schema: dict[str, Any]) -> Any:
    """A value for a schema of either kind (Google's or JSON Schema), the same one every time."""
    return _build(schema, schema, _MAX_DEPTH)


def _build(schema: Any, root: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth == 0:
        return None
    if "$ref" in schema:
        return _build(_resolve(schema["$ref"], root), root, depth - 1)
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    return _build(_branch(branches, depth), root, depth - 1) if branches else _value(schema, root, depth)


def _branch(branches: list[Any], depth: int) -> Any:
    """The first branch; where a schema has been going round in itself, the one that ends it."""
    nothing = {"type": "null"}
    return nothing if depth < _MAX_DEPTH // 2 and nothing in branches else branches[0]


def _value(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        count = int(schema.get("minItems", 1))
        return [_build(schema.get("items", {"type": "string"}), root, depth - 1) for _ in range(count)]
    return _PLAIN[kind](schema)


def _object(schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    order = schema.get("propertyOrdering") or list(properties)
    wanted = set(schema.get("required", order))
    return {name: _build(properties[name], root, depth - 1) for name in order if name in wanted & properties.keys()}


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), "null")
    word = str(kind).lower()
    return word if word in _PLAIN or word in ("object", "array") else "string"


def _resolve(ref: str, root: dict[str, Any]) -> Any:
    node: Any = root
    for step in ref.removeprefix("#").strip("/").split("/"):
        node = node.get(step) if isinstance(node, dict) and step else node
    return node
