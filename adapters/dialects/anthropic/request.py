"""A Messages request as the hub's payload.

Source: upstream documentation, GenerateContentRequest; Anthropic API reference, Messages.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from adapters.dialects.anthropic import messages
from adapters.dialects.anthropic.conversation import read
from adapters.dialects.anthropic.thinking import thinking_config
from adapters.dialects.anthropic.tools import tool_config, tools
from adapters.dialects.names import Names
from adapters.dialects.schema import clean


class Echo(Struct):
    """What the answer must know of its request.

    Shape: `names` are the caller's function names by those used upstream, where they differ. `thinking` says that
        the caller takes thinking blocks, in which signatures travel. `fetch` lists the addresses that stand in the
        payload as `fileData` and that somebody must fetch or refuse.
    """

    names: dict[str, str] = field(default_factory=dict)
    thinking: bool = False
    fetch: list[str] = field(default_factory=list)


def payload(body: messages.Body) -> tuple[dict[str, Any], Echo]:
    """Return the payload and what the answer must know. Errors: BadRequest with the field's name."""
    names = Names(tool.name for tool in body.tools or () if tool.input_schema is not None)
    fetch: list[str] = []
    contents, system = read(body, names, fetch)
    request: dict[str, Any] = {"contents": contents}
    if system:
        request["systemInstruction"] = {"parts": system}
    if declared := tools(body.tools or [], names):
        request["tools"] = declared
        config = tool_config(body.tool_choice, declared, names)
        if config:
            request["toolConfig"] = config
    if generation := _generation(body):
        request["generationConfig"] = generation
    wants_thinking = body.thinking is not None and body.thinking.type != "disabled"
    return request, Echo(names.renamed(), wants_thinking, fetch)


def _generation(body: messages.Body) -> dict[str, Any]:
    said: dict[str, Any] = {
        "maxOutputTokens": body.max_tokens,
        "stopSequences": body.stop_sequences or None,
        "temperature": body.temperature,
        "topP": body.top_p,
        "topK": body.top_k,
    }
    config = {name: value for name, value in said.items() if value is not None}
    output = body.output_config or messages.OutputConfig()
    if thinking := thinking_config(body.model, body.thinking, output.effort):
        config["thinkingConfig"] = thinking
    if output.format:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = clean(output.format.schema)
    return config
