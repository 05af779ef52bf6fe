"""Tools of a Messages request: the caller's functions, and those of Anthropic's that Google has too."""

from __future__ import annotations

from typing import Any

from adapters.dialects.anthropic.messages import Tool, ToolChoice
from adapters.dialects.declaration import declaration
from adapters.dialects.names import Names
from pipeline.errors import BadRequest

# By the beginning of the type: versions are dates.
_GOOGLES = {"web_search_": "googleSearch", "web_fetch_": "urlContext", "code_execution_": "codeExecution"}
_MODES = {"any": "ANY", "tool": "ANY", "none": "NONE"}


def tools(asked: list[Tool], names: Names) -> list[dict[str, Any]]:
    """Return the payload's tools. Errors: BadRequest for a tool that only Anthropic's models know."""
    functions: list[dict[str, Any]] = []
    declared: list[dict[str, Any]] = []
    for number, tool in enumerate(asked):
        if tool.input_schema is not None:
            functions.append(declaration(names.upstream(tool.name), tool.description, tool.input_schema))
        else:
            declared.append(_googles(tool, f"tools[{number}]"))
    return [*([{"functionDeclarations": functions}] if functions else []), *declared]


def tool_config(choice: ToolChoice | None, declared: list[dict[str, Any]], names: Names) -> dict[str, Any]:
    """Return the payload's toolConfig. Errors: BadRequest for a choice of what is not there."""
    config: dict[str, Any] = {}
    functions = {f["name"] for tool in declared for f in tool.get("functionDeclarations", ())}
    if functions and len(declared) > 1:
        config["includeServerSideToolInvocations"] = True
    mode = _MODES.get(choice.type) if choice and functions else None
    if not choice or not mode:
        return config
    calling: dict[str, Any] = {"mode": mode}
    if choice.type == "tool":
        name = names.upstream(choice.name or "")
        if name not in functions:
            raise BadRequest(f"tool_choice.name: {choice.name!r} is none of the tools", field="tool_choice.name")
        calling["allowedFunctionNames"] = [name]
    return {**config, "functionCallingConfig": calling}


def _googles(tool: Tool, place: str) -> dict[str, Any]:
    kind = tool.type or ""
    name = next((ours for theirs, ours in _GOOGLES.items() if kind.startswith(theirs)), None)
    if name is None:
        reason = f"the tool {kind!r} exists only at Anthropic" if kind else "required, but missing"
        key = "type" if kind else "input_schema"
        raise BadRequest(f"{place}.{key}: {reason}", field=f"{place}.{key}")
    blocked = tool.blocked_domains if name == "googleSearch" else None
    return {name: {"excludeDomains": blocked} if blocked else {}}
