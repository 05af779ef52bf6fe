"""A caller's JSON schema on its way to Google: as it is where Google reads JSON schema, mended where it would stumble.

Only schema *positions* are ever touched: a property called `title`, `const` or `properties` is the caller's own name,
and the values of `enum`, `default` and `examples` are data. For the older surfaces see `pipeline.legacy_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from pipeline.json_schema import MAX_INLINE_DEPTH, Schema, resolve

MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords that hold schemas by names of the caller's own."""

LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords that hold lists of schemas."""

SINGLES = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
"""Keywords that hold one schema."""

_OLDER = "#/definitions/"

# What one schema may grow to by writing out its references: a dozen lines can name a billion nodes.
MAX_INLINED = 500


def clean(schema: Schema) -> Schema:
    """Return a schema for `parametersJsonSchema` or `responseJsonSchema`: the caller's, mended where Google trips.

    Shape: `$schema` goes; `const` becomes an `enum` of one; an `allOf` of one is merged; a `$ref` that has neighbours
        is replaced by what it names (where that leads back to itself, the neighbours go instead); the `definitions` of
        older generators become the `$defs` that Google knows, and may stand beside a `$ref`. Never edits the argument.
    """
    return cast("Schema", _Cleaning(schema).node(schema, 0))


def references(schema: Any) -> Iterator[str]:
    """Yield every `$ref` that stands in a schema position."""
    if isinstance(schema, dict):
        if isinstance(pointer := schema.get("$ref"), str):
            yield pointer
        for each in children(schema):
            yield from references(each)


def children(schema: Schema) -> Iterator[Any]:
    """Yield what stands in the schema positions right below."""
    for key, value in schema.items():
        if key in MAPS and isinstance(value, dict):
            yield from value.values()
        elif key in LISTS and isinstance(value, list):
            yield from value
        elif key in SINGLES:
            yield from value if isinstance(value, list) else (value,)


def under(key: str, value: Any, change: Callable[[Any, int], Any], depth: int) -> Any:
    """Return a keyword's value with the change made to each schema it holds; data passes."""
    if key in MAPS and isinstance(value, dict):
        return {name: change(each, depth) for name, each in value.items()}
    if (key in LISTS or key in SINGLES) and isinstance(value, list):
        return [change(each, depth) for each in value]
    return change(value, depth) if key in SINGLES else value


def recursive(root: Schema, pointer: str) -> bool:
    """Whether following the references below what a pointer names leads back to it."""
    seen: set[str] = set()
    ahead = list(references(resolve(root, pointer)))
    while ahead:
        each = ahead.pop()
        if each == pointer:
            return True
        if each not in seen:
            seen.add(each)
            ahead.extend(references(resolve(root, each)))
    return False


class _Cleaning:
    """One walk over one schema."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.moved = None if "$defs" in root else root.get("definitions")
        self.inlined = 0
        self.recursive: dict[str, bool] = {}

    def node(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict):
            return schema
        schema = _unwrapped(schema)
        pointer = schema.get("$ref")
        if isinstance(pointer, str) and any(not key.startswith("$") for key in schema):
            target = self.target(pointer, depth)
            if target is not None:
                return self.node({**target, **{key: schema[key] for key in schema if key != "$ref"}}, depth + 1)
            schema = {key: value for key, value in schema.items() if key.startswith("$") or key == "definitions"}
        cleaned = {
            self.name(key, value): self.pointer(value) if key == "$ref" else under(key, value, self.node, depth + 1)
            for key, value in schema.items()
            if key not in ("$schema", "const")
        }
        # Google's enum holds strings and numbers; any other constant would be refused rather than ignored.
        if type(const := schema.get("const")) in (str, int, float):
            cleaned.setdefault("enum", [const])
        return cleaned

    def name(self, key: str, value: Any) -> str:
        return "$defs" if key == "definitions" and value is self.moved else key

    def pointer(self, pointer: Any) -> Any:
        if self.moved is None or not isinstance(pointer, str) or not pointer.startswith(_OLDER):
            return pointer
        return "#/$defs/" + pointer[len(_OLDER) :]

    def target(self, pointer: str, depth: int) -> Schema | None:
        """What may be written out in place of a reference."""
        if pointer not in self.recursive:
            self.recursive[pointer] = recursive(self.root, pointer)
        if self.recursive[pointer] or self.inlined >= MAX_INLINED or depth > MAX_INLINE_DEPTH:
            return None
        self.inlined += 1
        return resolve(self.root, pointer)


def _unwrapped(schema: Schema) -> Schema:
    """Google ignores `allOf`; generators write one of a single member to put words beside a `$ref`."""
    only = schema.get("allOf")
    if not isinstance(only, list) or len(only) != 1 or not isinstance(only[0], dict):
        return schema
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    return schema if rest.keys() & only[0].keys() else {**only[0], **rest}
