"""Rounds lead to one answer, and whatever fails in them, there is one (seed defects #58 and #69)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator import Fault, Scenario
from pipeline.deepthink import Plan, plan_of
from tests.pipeline.stages.callers import SEARCH, chat, generations, native
from tests.proxy import pollux

MODEL = "gemini-3.8-flash"
NAME = f"{MODEL}-deepthink"
PLANNING = "responseJsonSchema"
ORDER = (
    *("auth", "format", "model-suffix", "anti-truncation", "deepthink", "fake-stream"),
    *("credential", "upstream", "transform", "usage"),
)


def configured(options: str) -> str:
    return "".join(f'[[pipeline]]\nstage = "{name}"\n' + f"{options}\n" * (name == "deepthink") for name in ORDER)


def planned(*steps: tuple[str, str] | str) -> list[Fault]:
    """The planner says this, call by call."""
    texts = [step if isinstance(step, str) else json.dumps({"action": step[0], "task": step[1]}) for step in steps]
    return [Fault("text", body=PLANNING, nth=n, times=1, pieces=[said]) for n, said in enumerate(texts, 1)]


def system(body: dict[str, Any]) -> str:
    return "\n".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", ()))


@pytest.mark.parametrize("stream", [True, False])
async def test_rounds_gather_findings_and_one_call_answers(tmp_path: Path, stream: bool) -> None:
    steps = planned(("search", "the height"), ("compute", "6 * 7"), ("analyse", "does it fit"), ("finish", ""))
    async with pollux(tmp_path, scenario=Scenario(text="It is forty-two.", faults=steps)) as proxy:
        heard = await chat(proxy, NAME, stream=stream)
        assert (heard.text, heard.finishes, heard.errors) == ("It is forty-two.", ["stop"], [])
        assert heard.kinds == ["thought", "text"]
        for progress in (
            "**Searching**: the height",
            "**Computing**: 6 * 7",
            "print(6 * 7)",
            "**Analysing**: does it fit",
        ):
            assert progress in heard.thoughts
        calls = generations(proxy)
        counted = [(entry.path.rpartition(":")[2]) for entry in proxy.google.requests]
    assert counted == ["generateContent"] * 7 + ["streamGenerateContent" if stream else "generateContent"]
    assert [body.get("tools") for body in calls] == [
        *(None, [{"googleSearch": {}}], None, [{"codeExecution": {}}], None, None, None, None)
    ]
    answer = calls[-1]
    assert answer["contents"] == calls[0]["contents"]
    assert "https://vertexaisearch.cloud.google.com" in system(answer)
    assert "Output: 42" in system(answer)
    assert PLANNING not in json.dumps(answer)


async def test_usage_is_that_of_all_calls(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=planned(("analyse", "it"), ("finish", "")))) as proxy:
        heard = await native(proxy, NAME)
        rounds = heard.usage["totalTokenCount"]
        proxy.google.reset()
        proxy.google.script(faults=planned(("finish", "")))
        fewer = (await native(proxy, NAME)).usage["totalTokenCount"]
        proxy.google.reset()
        plain = (await native(proxy, MODEL)).usage["totalTokenCount"]
    assert rounds > fewer > plain


async def test_tools_of_the_caller_are_for_the_answer_alone(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"tools": [SEARCH], "generationConfig": {"maxOutputTokens": 4000}}
    asked["systemInstruction"] = {"parts": [{"text": "Be brief."}]}
    async with pollux(tmp_path, scenario=Scenario(faults=planned(("analyse", "it"), ("finish", "")))) as proxy:
        heard = await native(proxy, NAME, "call look_up {}", **asked)
        assert [call["name"] for call in heard.calls] == ["look_up"]
        *rounds, answer = generations(proxy)
    assert all("tools" not in body and "maxOutputTokens" not in json.dumps(body) for body in rounds)
    assert answer["tools"] == [SEARCH]
    assert answer["generationConfig"] == {"maxOutputTokens": 4000}
    assert answer["systemInstruction"]["parts"][0] == {"text": "Be brief."}


async def test_results_of_tools_are_answered_directly(tmp_path: Path) -> None:
    turn = [
        {"role": "user", "parts": [{"text": "look"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "look_up", "args": {}, "id": "a"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look_up", "response": {}, "id": "a"}}]},
    ]
    async with pollux(tmp_path) as proxy:
        heard = await native(proxy, NAME, contents=turn, tools=[SEARCH])
        assert heard.finishes == ["STOP"]
        assert len(generations(proxy)) == 1


@pytest.mark.parametrize(
    "plan", ["no plan at all", '```json\n{"action": "dance"}\n```', '{"task": 1}', '["finish"]', ""]
)
async def test_bad_plan_means_to_answer(tmp_path: Path, plan: str) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=planned(plan))) as proxy:
        assert (await chat(proxy, NAME)).finishes == ["stop"]
        assert len(generations(proxy)) == 2


@pytest.mark.parametrize(
    ("said", "plan"),
    [
        ('```json\n{"action": "search", "task": "x"}\n```', Plan("search", "x")),
        ('Here {you} are: {"action": "compute", "task": "{}"} good luck', Plan("compute", "{}")),
        ('{"action": "analyse", "task": "x", "why": "y"}', Plan("analyse", "x")),
        ("{" * 5000, Plan()),
        ('{"action": "analyse", "ta', Plan()),
    ],
)
def test_plan_is_read_out_of_fences_and_junk(said: str, plan: Plan) -> None:
    thought = {"text": '{"action": "search", "task": "in a thought"}', "thought": True}
    assert plan_of({"candidates": [{"content": {"parts": [thought, {"text": said}]}}]}) == plan
    assert plan_of({}) == Plan()


@pytest.mark.parametrize("effect", ["400", "blocked_prompt", "max_tokens_in_thinking", "cut"])
async def test_failing_step_degrades_to_what_was_found(tmp_path: Path, effect: str) -> None:
    faults = [*planned(("analyse", "it"), ("search", "more")), Fault(effect, body="googleSearch")]
    async with pollux(tmp_path, scenario=Scenario(faults=faults), RETRY_429_MAX_RETRIES="0") as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.finishes, heard.errors) == (["stop"], [])
        assert "This step failed" in heard.thoughts
        assert "(analyse: it)" in system(generations(proxy)[-1])


async def test_failing_plan_is_answered_without_one(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("400", body=PLANNING)])) as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.text, heard.finishes) == ("You said: Tell me a story", ["stop"])
        assert "systemInstruction" not in generations(proxy)[-1]


async def test_account_that_is_shut_out_ends_it_all(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("403-tos", body=PLANNING)])) as proxy:
        heard = await chat(proxy, NAME)
        assert (len(heard.errors), len(generations(proxy))) == (1, 1)


@pytest.mark.parametrize(
    ("options", "calls"), [("rounds = 2", 5), ("tokens = 1", 3), ("seconds = 0.0", 1), ("rounds = 7", 15)]
)
async def test_rounds_end_with_their_budget(tmp_path: Path, options: str, calls: int) -> None:
    forever = [Fault("text", body=PLANNING, pieces=['{"action": "analyse", "task": "it"}'])]
    async with pollux(tmp_path, config=configured(options), scenario=Scenario(faults=forever)) as proxy:
        assert (await chat(proxy, NAME)).finishes == ["stop"]
        assert len([body for body in generations(proxy) if body]) == calls


async def test_step_that_hangs_is_left_when_the_time_is_over(tmp_path: Path) -> None:
    faults = [*planned(("search", "it")), Fault("stall", body="googleSearch")]
    async with pollux(tmp_path, config=configured("seconds = 0.3"), scenario=Scenario(faults=faults)) as proxy:
        heard = await chat(proxy, NAME)
        assert heard.finishes == ["stop"]
        assert "This step failed" in heard.thoughts


async def test_heartbeats_hold_the_line_while_nothing_is_said(tmp_path: Path) -> None:
    config = configured("heartbeat = 0.05\nrounds = 1")
    async with pollux(tmp_path, config=config, scenario=Scenario(latency=0.25)) as proxy:
        heard = await chat(proxy, NAME)
        assert heard.raw.startswith(": keep-alive\n\n")
        assert heard.raw.count(": keep-alive") >= 6
        assert heard.finishes == ["stop"]


@pytest.mark.parametrize("name", [f"fake/{NAME}", f"anti-truncation/{NAME}", f"fake/anti-truncation/{NAME}-search"])
async def test_deep_thinking_goes_with_other_features(tmp_path: Path, name: str) -> None:
    scenario = Scenario(text="It is so.", faults=planned(("analyse", "it"), ("finish", "")))
    async with pollux(tmp_path, scenario=scenario) as proxy:
        heard = await chat(proxy, name)
        assert (heard.text, heard.finishes, heard.kinds) == ("It is so.", ["stop"], ["thought", "text"])
        assert heard.usage["total_tokens"] > 50


async def test_nobody_thinks_deeply_unasked(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        await chat(proxy, MODEL)
        assert len(generations(proxy)) == 1
