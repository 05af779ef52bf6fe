"""Describes the console's API as an OpenAPI 3.1 document, from the same table that serves it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from adapters.admin.operation import Operation
from adapters.admin.shapes import Error
from adapters.admin.v1.table import BASE, OPERATIONS

_REF = "#/components/schemas/{name}"
_PLACE = re.compile(r"{(\w+)(?::path)?}")
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["files"],
            "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
        }
    }
}


@cache
def document(version: str) -> dict[str, Any]:
    """Return the description. Source: OpenAPI 3.1.0."""
    schemas, components = _schemas(OPERATIONS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = _PLACE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pollux admin API",
            "version": version,
            "description": "Log in at POST /api/v1/session. With the cookie, whatever changes something needs the "
            "header X-Pollux-CSRF (any value). Live log lines: WebSocket /api/v1/logs/stream?level=&text=, one line "
            "a message.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "pollux_session"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "A session's token or the password."},
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return the schema of each type that is read or written, and what they refer to."""
    named = {each for operation in operations for each in (operation.body, operation.answer, operation.query) if each}
    types = sorted((named - {bytes}) | {Error}, key=lambda each: str(each.__name__))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    return dict(zip(types, schemas, strict=True)), components


def _described(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(operation.run.__doc__ or "").partition("\n")
    described: dict[str, Any] = {
        "operationId": operation.run.__name__,
        "tags": [operation.path.removeprefix(BASE).split("/")[1].partition(".")[0]],
        "summary": summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
        "security": [] if operation.door == "public" else [{"session": []}, {"bearer": []}],
    }
    if rest.strip():
        described["description"] = rest.strip()
    if operation.body is not None:
        content = _FORM if operation.body is bytes else {"application/json": {"schema": schemas[operation.body]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "It is done."}
    if operation.answer is bytes:
        answer["content"] = _FILE
    elif operation.answer is not None:
        answer["content"] = {"application/json": {"schema": schemas[operation.answer]}}
    failed = {"description": "It is not done.", "content": {"application/json": {"schema": schemas[Error]}}}
    return {str(operation.status): answer, "default": failed}


def _parameters(operation: Operation) -> Sequence[dict[str, Any]]:
    text = {"type": "string"}
    placed = [{"name": n, "in": "path", "required": True, "schema": text} for n in _PLACE.findall(operation.path)]
    if operation.query is None:
        return placed
    _, components = msgspec.json.schema_components([operation.query], ref_template=_REF)
    shape = components[operation.query.__name__]
    required = shape.get("required", [])
    asked = [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in shape["properties"].items()
    ]
    return [*placed, *asked]
