"""Stage `schema`: JSON schema is said again in Google's older words where an upstream knows no others."""

import re

from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange
from pipeline.legacy_schema import reduce
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_BLAMES_A_SCHEMA = re.compile(
    r"(?:parameters|response)_?(?:json_?)?schema|function_?declarations\[\d+\]\.(?:parameters|response)\b",
    re.IGNORECASE,
)
"""Google names the place in either spelling, or only by the declaration's field."""


class SchemaRepair(StageConfig, frozen=True):
    """Ask once more, with schemas reduced to Google's older form, where Google refuses them as they are.

    Schemas of tools and of structured output go upstream as JSON schema, which holds all that callers say. A 400 that
    names the place of one is answered with the few words that `parameters` and `responseSchema` have; what these cannot
    say stands in descriptions, where the model still reads it.
    """

    name = "schema"
    needs = frozenset({"payload", "operation"})

    def build(self, ports: Ports) -> Stage:
        async def schema(x: Exchange) -> None:
            if x.operation == "generate" and ("tools" in x.payload or "generationConfig" in x.payload):
                x.repairs.append(_reduced)

        return schema


def _reduced(payload: Chunk, exc: UpstreamError) -> Chunk | None:
    if exc.status != 400 or not _BLAMES_A_SCHEMA.search(exc.message):
        return None
    mended = dict(payload)
    if "tools" in payload:
        mended["tools"] = [_tool(tool) for tool in payload["tools"]]
    if "generationConfig" in payload:
        mended["generationConfig"] = _renamed(payload["generationConfig"], "responseJsonSchema", "responseSchema")
    return mended if mended != payload else None


def _tool(tool: Chunk) -> Chunk:
    declared = tool.get("functionDeclarations")
    return {**tool, "functionDeclarations": [_declaration(each) for each in declared]} if declared else tool


def _declaration(declared: Chunk) -> Chunk:
    mended = _renamed(declared, "parametersJsonSchema", "parameters")
    mended = _renamed(mended, "responseJsonSchema", "response")
    if mended is not declared and mended.get("parameters") == {"type": "object"}:
        del mended["parameters"]  # the older form has no object without properties
    return mended


def _renamed(holder: Chunk, newer: str, older: str) -> Chunk:
    """Return the holder with the schema reduced and under its older name, or the holder itself."""
    if not isinstance(holder.get(newer), dict):
        return holder
    return {**{key: value for key, value in holder.items() if key != newer}, older: reduce(holder[newer])}
