"""JSON schema as callers write it, and what its references name."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

MAX_INLINE_DEPTH = 24
"""How deep in a schema references are written out."""


def resolve(root: Schema, pointer: Any) -> Schema | None:
    """Return the schema that a local `$ref` names, or None."""
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        return None
    node: Any = root
    for step in unquote(pointer[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, dict) and name in node:
            node = node[name]
        else:
            return None
    return node if isinstance(node, dict) else None
