"""A schema that Google refuses is said again in its older words, once, and in no other case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.simulator import Fault, Scenario
from tests.pipeline.stages.callers import chat, generations, native
from tests.proxy import pollux

MODEL = "gemini-3.8-flash"
TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}, "const": {"const": "leaf"}},
    "$defs": {"Node": {"type": "object", "properties": {"children": {"items": {"$ref": "#/$defs/Node"}}}}},
}
"""A tree, and a property whose name looks like a keyword."""

TOOLS = [
    {"type": "function", "function": {"name": "plant", "parameters": TREE}},
    {"type": "function", "function": {"name": "wait"}},
]
REFUSES = Scenario(faults=[Fault("400-schema", body="JsonSchema")])
"""A Google that knows the older form only."""


async def test_refused_schema_of_a_tool_is_reduced_and_asked_again(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=REFUSES) as proxy:
        for stream in (False, True):
            heard = await chat(proxy, MODEL, tools=TOOLS, stream=stream)
            assert (heard.status, heard.finishes) == (200, ["stop"])
        first, second, *_ = generations(proxy)
    assert first["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == {
        **TREE,
        "properties": {**TREE["properties"], "const": {"enum": ["leaf"]}},
    }
    plant, wait = second["tools"][0]["functionDeclarations"]
    node = {"type": "object", "properties": {"children": {"type": "array", "items": _again("Node")}}}
    assert plant["parameters"]["properties"] == {"root": node, "const": {"type": "string", "enum": ["leaf"]}}
    assert "parameters" not in wait


async def test_refused_schema_of_an_answer_is_reduced_and_asked_again(tmp_path: Path) -> None:
    generation = {"responseMimeType": "application/json", "responseJsonSchema": TREE, "temperature": 0.5}
    faults = [Fault("400-schema-answer", body="responseJsonSchema")]
    async with pollux(tmp_path, scenario=Scenario(faults=faults)) as proxy:
        heard = await native(proxy, MODEL, generationConfig=generation)
        assert heard.finishes == ["STOP"]
        mended = generations(proxy)[1]["generationConfig"]
    assert mended.keys() == {"responseMimeType", "responseSchema", "temperature"}
    assert mended["responseSchema"]["properties"]["const"] == {"type": "string", "enum": ["leaf"]}


async def test_refusal_of_the_reduced_schema_is_told(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("400-schema")])) as proxy:
        heard = await chat(proxy, MODEL, tools=TOOLS, stream=False)
        assert (heard.status, len(generations(proxy))) == (400, 2)


async def test_refusal_for_another_reason_or_without_a_schema_stands(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("400", times=1), Fault("400-schema")])) as proxy:
        assert (await chat(proxy, MODEL, tools=TOOLS, stream=False)).status == 400
        assert (await chat(proxy, MODEL, tools=TOOLS[1:], stream=False, temperature=0)).status == 400
        assert len(generations(proxy)) == 2


def _again(name: str) -> dict[str, str]:
    return {"type": "object", "description": f"another {name}"}
