"""JSON schema reduced to the few words that Google's older `parameters` and `responseSchema` know.

What the older form cannot say is said in the description, where the model still reads it.

Source: generativelanguage v1beta, Schema.
"""

from __future__ import annotations

from typing import Any

from pipeline.json_schema import MAX_INLINE_DEPTH, Schema, resolve

_FORMATS = {"string": ("enum", "date-time"), "number": ("float", "double"), "integer": ("int32", "int64")}
_PASSED = (
    *("title", "description", "pattern", "example", "default", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"),
)
_HINTED = (
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "contains", "propertyNames"),
    *("additionalProperties", "patternProperties", "not", "if", "then", "else"),
)
KNOWN = frozenset(_PASSED) | {"type", "format", "nullable", "enum", "items", "properties", "required", "anyOf"}
"""Every keyword that a reduced schema may hold."""

_TYPES = ("string", "number", "integer", "boolean", "array", "object")
_HINT_LENGTH = 200

# What a schema may grow to: references and alternatives multiply, and a dozen lines can mean a billion nodes.
MAX_WRITTEN = 5000


def reduce(schema: Schema) -> Schema:
    """Return the schema in the older form, for where only that is accepted.

    Shape: references are written out (a recursive one ends as a plain object), `allOf` is merged, `oneOf` becomes
        `anyOf`, `["string", "null"]` becomes a nullable string. Never edits the argument.
    """
    return _Reduction(schema).node(schema, (), 0)


class _Reduction:
    """One walk over one schema."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.written = 0

    def node(self, schema: Any, within: tuple[str, ...], depth: int) -> Schema:
        """The reduced form of whatever stands in a schema position; `within` names the references being written out."""
        self.written += 1
        if not isinstance(schema, dict) or depth > MAX_INLINE_DEPTH or self.written > MAX_WRITTEN:
            return {"type": "object" if isinstance(schema, dict) and "properties" in schema else "string"}
        pointer = schema.get("$ref")
        if pointer is not None:
            return self.reference(schema, pointer, within, depth)
        schema = self.merged(schema, within)
        kinds, nullable = _kinds(schema)
        branches = _branches(schema)
        if branches or len(kinds) > 1:
            reduced = self.choice(schema, kinds, branches, within, depth)
        else:
            reduced = self.plain(schema, kinds[0] if kinds else _guess(schema), within, depth)
        if nullable:
            reduced["nullable"] = True
        return reduced

    def reference(self, schema: Schema, pointer: Any, within: tuple[str, ...], depth: int) -> Schema:
        target = resolve(self.root, pointer)
        if target is None or pointer in within:
            named = pointer.rpartition("/")[2] if isinstance(pointer, str) else ""
            return {
                "type": "object",
                "description": schema.get("description") or f"another {named or 'object'}",
            }
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return self.node({**target, **beside}, (*within, pointer), depth + 1)

    def merged(self, schema: Schema, within: tuple[str, ...]) -> Schema:
        """The schema with its `allOf` folded in."""
        members = _listed(schema, "allOf")
        if not members:
            return schema
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for member in members:
            pointer = member.get("$ref") if isinstance(member, dict) else None
            part = member if pointer is None else None if pointer in within else resolve(self.root, pointer)
            if isinstance(part, dict) and self.written < MAX_WRITTEN:
                self.written += 1
                whole = _joined(whole, self.merged(part, (*within, pointer) if pointer else within))
        return whole

    def plain(self, schema: Schema, kind: str, within: tuple[str, ...], depth: int) -> Schema:
        """A schema of one type."""
        reduced: Schema = {
            "type": kind,
            **{key: schema[key] for key in _PASSED if schema.get(key) is not None},
        }
        if schema.get("format") in _FORMATS.get(kind, ()):
            reduced["format"] = schema["format"]
        if kind == "object" and isinstance(schema.get("properties"), dict):
            reduced.update(self.members(schema, within, depth))
        if kind == "array":
            reduced["items"] = self.items(schema, within, depth)
        values = [each for each in _values(schema) if each is not None]
        words = [each for each in values if isinstance(each, str) and each]
        if kind == "string" and words:
            reduced["enum"], values = words, []
        return _hinted(reduced, schema, values)

    def members(self, schema: Schema, within: tuple[str, ...], depth: int) -> Schema:
        properties = {name: self.node(each, within, depth + 1) for name, each in schema["properties"].items() if name}
        kept = [name for name in _listed(schema, "required") if isinstance(name, str) and name in properties]
        return {"properties": properties, **({"required": kept} if kept else {})} if properties else {}

    def items(self, schema: Schema, within: tuple[str, ...], depth: int) -> Schema:
        places = _listed(schema, "prefixItems") or schema.get("items")
        if isinstance(places, list):  # a tuple: each place's form is allowed in each place
            return self.node({"anyOf": places}, within, depth + 1)
        return self.node(places, within, depth + 1)

    def choice(
        self, schema: Schema, kinds: list[str], branches: list[Any], within: tuple[str, ...], depth: int
    ) -> Schema:
        """A schema of several forms; one form is that form, under the words of the whole."""
        words: Schema = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        base = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "type", *words)}
        forms = [
            self.node(_joined(base, branch) if isinstance(branch, dict) else base, within, depth + 1)
            for branch in branches or [{"type": kind} for kind in kinds]
        ]
        unique = [form for number, form in enumerate(forms) if form not in forms[:number]]
        return {**unique[0], **words} if len(unique) == 1 else {**words, "anyOf": unique}


def _kinds(schema: Schema) -> tuple[list[str], bool]:
    """The types a schema names, and whether null is one of its forms."""
    named = schema.get("type")
    names = [str(each).lower() for each in (named if isinstance(named, list) else [named]) if each]
    forms = [*_listed(schema, "anyOf"), *_listed(schema, "oneOf")]
    nullable = "null" in names or any(map(_is_null, forms)) or None in _values(schema)
    return [name for name in names if name in _TYPES], bool(nullable or schema.get("nullable"))


def _branches(schema: Schema) -> list[Any]:
    """The alternatives that are forms of their own; those of a typed schema only constrain it further."""
    forms = _listed(schema, "anyOf") or _listed(schema, "oneOf")
    typed = isinstance(schema.get("type"), str)
    own = [each for each in forms if isinstance(each, dict) and not _is_null(each)]
    return [] if typed and not all("type" in each or "$ref" in each for each in own) else own


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or _values(schema) == [None])


def _values(schema: Schema) -> list[Any]:
    return _listed(schema, "enum") or ([schema["const"]] if "const" in schema else [])


def _listed(schema: Schema, key: str) -> list[Any]:
    """The list under a keyword; whatever else stands there means nothing."""
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _guess(schema: Schema) -> str:
    """The type of a schema that names none."""
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    kinds = {type(each) for each in _values(schema) if each is not None}
    return (
        {bool: "boolean", int: "integer", float: "number"}.get(kinds.pop(), "string") if len(kinds) == 1 else "string"
    )


def _joined(one: Schema, other: Schema) -> Schema:
    """Two schemas that both hold."""
    joined = {**one, **other}
    for key in ("properties", "$defs", "definitions"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            joined[key] = {**one[key], **other[key]}
    if required := _listed(one, "required") + _listed(other, "required"):
        joined["required"] = [each for number, each in enumerate(required) if each not in required[:number]]
    return joined


def _hinted(reduced: Schema, schema: Schema, values: list[Any]) -> Schema:
    """What the older form has no word for, as words in the description."""
    hints = [f"{key}: {schema[key]}"[:_HINT_LENGTH] for key in _HINTED if key in schema]
    if "format" in schema and "format" not in reduced:
        hints.append(f"format: {schema['format']}"[:_HINT_LENGTH])
    if values:
        hints.append(f"one of: {', '.join(map(str, values))}"[:_HINT_LENGTH])
    if hints:
        reduced["description"] = " ".join(filter(None, [reduced.get("description"), f"({'; '.join(hints)})"]))
    return reduced
