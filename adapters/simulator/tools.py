"""What Google demands of tools: names, schemas, combinations and the calling mode.

Source: upstream-wire.md §3.3, §6.3.
"""

from __future__ import annotations

import re
from typing import Any

from adapters.simulator.messages import snake
from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal

Schema = dict[str, Any]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_BAD_NAME = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9),"
    " underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128."
)
_BUILT_IN = ("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "fileSearch")
_FORMATS = {"STRING": ("enum", "date-time"), "NUMBER": ("float", "double"), "INTEGER": ("int32", "int64")}


def declarations(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Every function that the request declares."""
    return [item for tool in request.get("tools", ()) for item in tool.get("functionDeclarations", ())]


def has_tool(request: dict[str, Any], name: str) -> bool:
    """Whether a built-in tool is switched on."""
    return any(name in tool for tool in request.get("tools", ()))


def check_tools(request: dict[str, Any], model: Model) -> None:
    """Refuse tools that Google would refuse."""
    seen: set[str] = set()
    for number, tool in enumerate(request.get("tools", ())):
        for place, item in enumerate(tool.get("functionDeclarations", ())):
            path = f"GenerateContentRequest.tools[{number}].function_declarations[{place}]"
            _check_declaration(item, path, model)
            if item["name"] in seen:
                raise Refusal.invalid(f"Duplicate function declaration found: {item['name']}")
            seen.add(item["name"])
    _check_combination(request, model, has_functions=bool(seen))
    _check_mode(request.get("toolConfig", {}).get("functionCallingConfig", {}), seen)


def _check_declaration(item: dict[str, Any], path: str, model: Model) -> None:
    if not _NAME.fullmatch(item.get("name", "")):
        raise Refusal.invalid(f"* {path}.name: {_BAD_NAME}\n")
    if "parameters" in item and "parametersJsonSchema" in item:
        raise Refusal.invalid(f"{path}: parameters and parameters_json_schema are mutually exclusive.")
    if "parameters" in item:
        check_schema(item["parameters"], f"{path}.parameters", model)


def check_schema(schema: Schema, path: str, model: Model) -> None:
    """Refuse a proto schema that contradicts itself."""
    kind = schema.get("type", "")
    if fault := _schema_fault(schema, kind, model):
        raise Refusal.invalid(f"* {path}.{fault}\n")
    for name, member in schema.get("properties", {}).items():
        check_schema(member, f"{path}.properties[{name}]", model)
    for name in ("items", "anyOf"):
        value = schema.get(name, [])
        for member in value if isinstance(value, list) else [value]:
            check_schema(member, f"{path}.{snake(name)}", model)


def _schema_fault(schema: Schema, kind: str, model: Model) -> str:
    """The first thing wrong with one schema node, in Google's words."""
    properties = schema.get("properties")
    missing = [n for n, name in enumerate(schema.get("required", ())) if name not in (properties or {})]
    if kind == "OBJECT" and properties == {} and model.generation < 3:
        return "properties: should be non-empty for OBJECT type"
    if missing:
        return f"required[{missing[0]}]: property is not defined"
    if kind == "ARRAY" and "items" not in schema:
        return "items: missing field."
    return _enum_fault(schema, kind) or _format_fault(schema, kind, model)


def _enum_fault(schema: Schema, kind: str) -> str:
    if "enum" in schema and kind != "STRING":
        return "enum: only allowed for STRING type"
    return f"enum[{schema['enum'].index('')}]: cannot be empty" if "" in schema.get("enum", ()) else ""


def _format_fault(schema: Schema, kind: str, model: Model) -> str:
    known = _FORMATS.get(kind)
    if known is None or model.generation >= 3 or schema.get("format", known[0]) in known:
        return ""
    return f"format: only '{known[0]}' and '{known[1]}' are supported for {kind} type"


def _check_combination(request: dict[str, Any], model: Model, *, has_functions: bool) -> None:
    if not has_functions or not any(has_tool(request, name) for name in _BUILT_IN):
        return
    if model.generation < 3:
        raise Refusal.invalid("Tool use with function calling is unsupported")
    if not request.get("toolConfig", {}).get("includeServerSideToolInvocations"):
        raise Refusal.invalid(
            "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function"
            " calling."
        )


def _check_mode(config: dict[str, Any], functions: set[str]) -> None:
    mode, allowed = config.get("mode", "AUTO"), config.get("allowedFunctionNames")
    if mode == "ANY" and not functions:
        raise Refusal.invalid("Function calling config is set without function_declarations.")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise Refusal.invalid("Allowed function names should only be set when the function calling mode is ANY.")
    if allowed and not functions.issuperset(allowed):
        raise Refusal.invalid("allowed_function_names contains a function that is not declared.")
