"""A Responses request as the hub's payload.

Source: OpenAI API reference, Responses; upstream documentation, GenerateContentRequest.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from adapters.dialects.names import Names
from adapters.dialects.responses import items
from adapters.dialects.responses.conversation import Conversation
from adapters.dialects.responses.tools import tool_config, tools
from adapters.dialects.schema import clean
from pipeline.errors import BadRequest
from pipeline.thinking import thinking

_STORED = ("previous_response_id", "conversation", "prompt", "background")

# What a response repeats of its request, and what it says where the request said nothing.
_MIRRORED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}


class Echo(Struct):
    """What the answer must know of its request.

    Shape: `names` are the caller's function names by those used upstream, where they differ; `custom` the caller's
        names of tools of free text. `mirror` is what the response repeats. `fetch` lists the addresses that stand in
        the payload as `fileData` and that somebody must fetch or refuse.
    """

    names: dict[str, str] = field(default_factory=dict)
    custom: set[str] = field(default_factory=set)
    mirror: dict[str, Any] = field(default_factory=dict)
    fetch: list[str] = field(default_factory=list)


def payload(body: items.Body, raw: dict[str, Any]) -> tuple[dict[str, Any], Echo]:
    """Return the payload and what the answer must know; `raw` is the body as it came.

    Errors: BadRequest with the field's name, also for what would need a store of responses.
    """
    for name in _STORED:
        if raw.get(name):
            raise BadRequest(f"{name}: nothing is stored here; send the whole input", field=name)
    declared = body.tools or []
    names = Names(tool.name for tool in declared if tool.name)
    conversation = Conversation(body.model, names)
    conversation.read(body.input)
    request: dict[str, Any] = {"contents": conversation.turns.finish("input")}
    system = [*([body.instructions] if body.instructions else []), *conversation.system]
    if system:
        request["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    if found := tools(declared, names):
        request["tools"] = found
        if config := tool_config(body.tool_choice, found, names):
            request["toolConfig"] = config
    if generation := _generation(body):
        request["generationConfig"] = generation
    mirror = {name: raw.get(name) if raw.get(name) is not None else due for name, due in _MIRRORED.items()}
    custom = {tool.name for tool in declared if tool.type == "custom"}
    return request, Echo(names.renamed(), custom, mirror, conversation.fetch)


def _generation(body: items.Body) -> dict[str, Any]:
    said: dict[str, Any] = {
        "maxOutputTokens": body.max_output_tokens,
        "temperature": body.temperature,
        "topP": body.top_p,
    }
    config = {name: value for name, value in said.items() if value is not None}
    reasoning = body.reasoning or items.ReasoningOptions()
    thought = thinking(body.model, reasoning.effort) if reasoning.effort else {}
    if reasoning.summary:
        thought.setdefault("includeThoughts", True)
    if thought:
        config["thinkingConfig"] = thought
    form = (body.text or items.Text()).format or items.Format()
    if form.type != "text":
        config["responseMimeType"] = "application/json"
    if form.schema:
        config["responseJsonSchema"] = clean(form.schema)
    return config
