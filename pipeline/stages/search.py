"""Stage `search`: Google Search as a tool of the model."""

from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_TOOL = "googleSearch"


class Search(StageConfig, frozen=True):
    """Let the model search the web where its name asks for it (`-search`), or always.

    What was found comes back as grounding: to Gemini callers as upstream sends it, to OpenAI callers as annotations.
    """

    name = "search"
    needs = frozenset({"features", "payload"})

    always: bool = False

    def build(self, ports: Ports) -> Stage:
        async def search(x: Exchange) -> None:
            if x.operation == "generate" and (self.always or "search" in x.features):
                add_search(x.payload)

        return search


def add_search(payload: Chunk) -> None:
    """Add the tool, once; beside functions it needs the switch that lets both work together (models from 3 on)."""
    tools = payload.setdefault("tools", [])
    if any(_TOOL in tool for tool in tools):
        return
    if any(tool.get("functionDeclarations") for tool in tools):
        payload["toolConfig"] = {**payload.get("toolConfig", {}), "includeServerSideToolInvocations": True}
    tools.append({_TOOL: {}})
