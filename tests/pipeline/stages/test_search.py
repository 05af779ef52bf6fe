"""Search is one more tool, beside the caller's own, and what it found is told."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.stages.callers import SEARCH, chat, generations, native
from tests.proxy import pollux

MODEL = "gemini-3.8-flash-search"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


async def test_grounding_reaches_both_faces(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        for stream in (True, False):
            heard = await chat(proxy, MODEL, stream=stream)
            assert heard.raw.count('"url_citation":') == 1
            heard = await native(proxy, MODEL, stream=stream)
            assert heard.raw.count('"groundingMetadata"') == 1
    assert all(body["tools"] == [{"googleSearch": {}}] for body in generations(proxy))


async def test_search_stands_beside_functions_and_is_added_once(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        heard = await chat(proxy, MODEL, "call look_up {}", tools=[TOOL])
        assert heard.finishes == ["tool_calls"]
        heard = await native(proxy, MODEL, tools=[SEARCH, {"googleSearch": {"excludeDomains": ["example.com"]}}])
    first, second = generations(proxy)
    assert first["tools"][1:] == [{"googleSearch": {}}]
    assert first["toolConfig"]["includeServerSideToolInvocations"] is True
    assert second["tools"] == [SEARCH, {"googleSearch": {"excludeDomains": ["example.com"]}}]


async def test_nothing_is_searched_unasked(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        await chat(proxy, "gemini-3.8-flash")
    assert "tools" not in generations(proxy)[0]
