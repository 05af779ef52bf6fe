"""Tools of a Responses request: functions, tools of free text, and those of OpenAI's that Google has too."""

from __future__ import annotations

from typing import Any

from adapters.dialects import free_text
from adapters.dialects.declaration import declaration
from adapters.dialects.names import Names
from adapters.dialects.responses.items import Choice, Tool
from pipeline.errors import BadRequest

_GOOGLES = {
    "web_search": "googleSearch",
    "web_search_preview": "googleSearch",
    "web_search_2025_08_26": "googleSearch",
    "code_interpreter": "codeExecution",
}
_MODES = {"none": "NONE", "required": "ANY"}


def tools(asked: list[Tool], names: Names) -> list[dict[str, Any]]:
    """Return the payload's tools. Errors: BadRequest for a tool that only OpenAI's servers have."""
    functions: list[dict[str, Any]] = []
    google: dict[str, Any] = {}
    for number, tool in enumerate(asked):
        if tool.type in {"function", "custom"}:
            functions.append(_function(tool, names))
        elif tool.type in _GOOGLES:
            google[_GOOGLES[tool.type]] = {}
        else:
            place = f"tools[{number}].type"
            raise BadRequest(f"{place}: the tool {tool.type!r} exists only at OpenAI", field=place)
    declared = [{"functionDeclarations": functions}] if functions else []
    return [*declared, *({name: options} for name, options in google.items())]


def tool_config(choice: str | Choice | None, declared: list[dict[str, Any]], names: Names) -> dict[str, Any]:
    """Return the payload's toolConfig. Errors: BadRequest for a choice of what is not there."""
    functions = {f["name"] for tool in declared for f in tool.get("functionDeclarations", ())}
    config: dict[str, Any] = {}
    if functions and len(declared) > 1:
        config["includeServerSideToolInvocations"] = True
    if choice and functions:
        calling = _calling(choice, functions, names)
        if calling:
            config["functionCallingConfig"] = calling
    return config


def _calling(choice: str | Choice, functions: set[str], names: Names) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES[choice]} if choice in _MODES else {}
    if choice.type in {"function", "custom"}:
        wanted, mode = [choice.name], "ANY"
    elif choice.type == "allowed_tools":
        wanted = [tool.name for tool in choice.tools if tool.name]
        mode = "ANY" if choice.mode == "required" else "VALIDATED"
    else:
        return {}
    allowed = [names.upstream(name) for name in wanted]
    for name, upstream in zip(wanted, allowed, strict=True):
        if upstream not in functions:
            raise BadRequest(f"tool_choice: {name!r} is none of the tools", field="tool_choice")
    return {"mode": mode, "allowedFunctionNames": allowed}


def _function(tool: Tool, names: Names) -> dict[str, Any]:
    description, schema = tool.description, tool.parameters
    if tool.type == "custom":
        grammar = (tool.format or {}).get("definition")
        description, schema = free_text.described(description, grammar), free_text.SCHEMA
    return declaration(names.upstream(tool.name), description, schema)
