"""A caller's function as Google declares it."""

from __future__ import annotations

from typing import Any

from adapters.dialects.schema import clean

_SAYS_NOTHING = {"$schema", "type", "title", "properties", "required", "additionalProperties", "strict"}


def declaration(name: str, description: str | None, schema: dict[str, Any] | None) -> dict[str, Any]:
    """Return a functionDeclaration; without a schema where there is no parameter, for older models refuse `{}`."""
    declared: dict[str, Any] = {"name": name}
    if description:
        declared["description"] = description
    if schema and (schema.get("properties") or not schema.keys() <= _SAYS_NOTHING):
        declared["parametersJsonSchema"] = clean(schema)
    return declared
