"""The stage that asks Google: what a caller gets while nothing comes, and what is mended on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.simulator import Fault, Scenario
from tests.pipeline.stages.callers import chat, generations, native
from tests.proxy import pollux

MODEL = "gemini-3.8-flash"
HASTY = """
[pipelines.hasty]
remove = ["upstream"]
insert = [{ after = "credential", stage = "upstream", commit_after = 0.1 }]
[[route]]
match = { path = "*" }
pipeline = "hasty"
"""
"""A pipeline that does not let a stream's head wait."""

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = {"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}


@pytest.mark.parametrize("model", [MODEL, f"anti-truncation/{MODEL}"])
async def test_head_that_goes_out_early_costs_nothing_of_the_answer(tmp_path: Path, model: str) -> None:
    scenario = Scenario(latency=0.4, text="one two three four", events=4)
    async with pollux(tmp_path, scenario=scenario, config=HASTY) as proxy:
        for ask, end in ((chat, "stop"), (native, "STOP")):
            heard = await ask(proxy, model)
            assert (heard.text, heard.finishes) == ("one two three four", [end])
        assert heard.raw.startswith("\r\ndata:")


@pytest.mark.parametrize("model", [MODEL, f"anti-truncation/{MODEL}"])
async def test_failure_after_an_early_head_is_one_error_event(tmp_path: Path, model: str) -> None:
    scenario = Scenario(latency=0.4, faults=[Fault("eof")])
    async with pollux(tmp_path, scenario=scenario, config=HASTY, RETRY_429_ENABLED="false") as proxy:
        heard = await chat(proxy, model)
        assert (heard.status, len(heard.errors), "[DONE]" in heard.raw) == (200, 1, False)


async def test_each_call_of_a_continued_answer_is_mended(tmp_path: Path) -> None:
    """What upstream refused in the first call it refuses in the second."""
    said = [("one two", "MAX_TOKENS"), (" three four", "STOP")]
    candidates = [{"content": {"parts": [{"text": text}]}, "finishReason": end} for text, end in said]
    mended = [
        Fault("events", body='"parameters"', nth=nth, times=1, events=[{"candidates": [each]}])
        for nth, each in enumerate(candidates, 1)
    ]
    scenario = Scenario(faults=[Fault("400-schema", body="JsonSchema"), *mended])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        heard = await native(proxy, f"anti-truncation/{MODEL}", tools=[TOOL])
        assert (heard.text, heard.finishes) == ("one two three four", ["STOP"])
        declared = [body["tools"][0]["functionDeclarations"][0] for body in generations(proxy)]
    assert ["parameters" in each for each in declared] == [False, True, False, True]
