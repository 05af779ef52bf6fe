"""Tools and the choice among them, in every form that chat completions ever had.

Source: OpenAI API reference, tools, tool_choice, functions; generativelanguage v1beta, Tool and ToolConfig.
"""

from __future__ import annotations

from typing import Any

from adapters.dialects import free_text
from adapters.dialects.document import converted
from adapters.dialects.names import Names
from adapters.dialects.openai import request
from adapters.dialects.schema import clean
from pipeline.errors import BadRequest
from pipeline.json_schema import Schema

_GOOGLES_OWN = {
    **dict.fromkeys(("web_search", "web_search_preview", "google_search", "googleSearch"), "googleSearch"),
    **dict.fromkeys(("code_execution", "codeExecution"), "codeExecution"),
    **dict.fromkeys(("url_context", "urlContext"), "urlContext"),
    **dict.fromkeys(("google_maps", "googleMaps"), "googleMaps"),
    **dict.fromkeys(("file_search", "fileSearch"), "fileSearch"),
}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}


class Tools:
    """The tools of one request: `names` both ways, those of `custom` tools, and what goes into the payload."""

    def __init__(self, body: request.Body) -> None:
        self.custom: set[str] = set()
        self._declared, self._own = self._sorted_out(body)
        self.names = Names(each.name for each in self._declared)
        self._choice = body.tool_choice if body.functions is None else body.function_call
        self._field = "tool_choice" if body.functions is None else "function_call"

    def fill(self, payload: dict[str, Any]) -> None:
        """Write the tools and the choice into the payload. Errors: BadRequest for a choice of what is not there."""
        tools: list[dict[str, Any]] = [{name: options} for name, options in self._own.items()]
        if self._declared:
            tools.append({"functionDeclarations": [self._declaration(each) for each in self._declared]})
        if tools:
            payload["tools"] = tools
        config: dict[str, Any] = {}
        if calling := self._calling():
            config["functionCallingConfig"] = calling
        if self._declared and self._own:
            config["includeServerSideToolInvocations"] = True
        if config:
            payload["toolConfig"] = config

    def _declaration(self, declared: request.Declared) -> dict[str, Any]:
        declaration: dict[str, Any] = {"name": self.names.upstream(declared.name)}
        if declared.description:
            declaration["description"] = declared.description
        if declared.parameters and not _without_parameters(declared.parameters):
            declaration["parametersJsonSchema"] = clean(declared.parameters)
        return declaration

    def _calling(self) -> dict[str, Any] | None:
        if self._choice is None:
            return None
        if isinstance(self._choice, str):
            mode, names = _MODES.get(self._choice), None
            if mode is None:
                raise self._wrong(f"expected auto, none, required or a function, got {self._choice!r}")
        else:
            mode, names = self._chosen(self._choice)
        if not self._declared:
            if mode == "ANY":
                raise self._wrong("there is no function to call")
            return None
        return {"mode": mode} if names is None else {"mode": mode, "allowedFunctionNames": self._known(names)}

    def _chosen(self, choice: request.Extra) -> tuple[str, list[str]]:
        """The mode and the functions of a choice that is an object."""
        if self._field == "function_call":
            return "ANY", [converted(choice, request.Called, self._field).name]
        read = converted(choice, request.ToolChoice, self._field)
        if read.allowed_tools:
            allowed = read.allowed_tools
            mode = "ANY" if allowed.mode == "required" else "VALIDATED"
            return mode, [self._name(entry) for entry in allowed.tools]
        return "ANY", [self._name(read)]

    def _name(self, entry: request.ToolChoice | request.ToolEntry) -> str:
        named = entry.function or entry.custom
        if named is None:
            raise self._wrong("names no function")
        return named.name

    def _known(self, names: list[str]) -> list[str]:
        missing = set(names) - {each.name for each in self._declared}
        if missing:
            raise self._wrong(f"there is no function {min(missing)!r}")
        return [self.names.upstream(name) for name in names]

    def _wrong(self, what: str) -> BadRequest:
        return BadRequest(f"{self._field}: {what}", field=self._field)

    def _sorted_out(self, body: request.Body) -> tuple[list[request.Declared], dict[str, request.Extra]]:
        """The functions of the caller's, and the tools that Google runs itself."""
        declared = list(body.functions or ())
        own: dict[str, request.Extra] = {} if body.web_search_options is None else {"googleSearch": {}}
        for number, tool in enumerate(body.tools or ()):
            place = f"tools[{number}]"
            kind = "function" if "function" in tool else tool.get("type") or next(iter(tool), "")
            if kind in ("function", "custom"):
                declared.append(self._function(kind, tool, place))
                continue
            name = _GOOGLES_OWN.get(kind) if isinstance(kind, str) else None
            if name is None:
                raise BadRequest(f"{place}.type: {kind!r} is not supported", field=f"{place}.type")
            options = tool.get(kind)
            own[name] = options if isinstance(options, dict) else {}
        return declared, own

    def _function(self, kind: str, tool: request.Extra, place: str) -> request.Declared:
        """A tool as a function, which stands for a custom tool as well."""
        place = f"{place}.{kind}"
        if kind not in tool:
            flat = "; the name and what describes the tool belong in there" if "name" in tool else ""
            raise BadRequest(f"{place}: required, but missing{flat}", field=place)
        if kind == "function":
            return converted(tool[kind], request.Declared, place)
        custom = converted(tool[kind], request.Custom, place)
        self.custom.add(custom.name)
        grammar = custom.format.grammar if custom.format else None
        description = free_text.described(custom.description, grammar.definition if grammar else None)
        return request.Declared(custom.name, description, free_text.SCHEMA)


def _without_parameters(schema: Schema) -> bool:
    """Whether a schema says that there are none: older models refuse an object without properties."""
    rest = {key: value for key, value in schema.items() if key not in ("$schema", "title", "required", "strict")}
    return not rest.pop("properties", None) and rest in (
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": False},
    )
