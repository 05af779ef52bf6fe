"""The name of a model says how much it thinks, and Google never refuses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.simulator import Scenario
from adapters.simulator.models import MODELS
from adapters.simulator.thoughts import check_thinking
from pipeline.stages.model_suffix import PREFIXES, SUFFIXES, taker
from pipeline.stages.thinking import wanted
from tests.pipeline.stages.callers import chat, generations, native, post
from tests.proxy import pollux

NAMES = [suffix for suffix, feature in SUFFIXES.items() if feature.startswith("thinking=")]
THINKERS = [model.name for model in MODELS.values() if model.thinks]


def config(name: str) -> dict[str, Any]:
    model, features = taker(PREFIXES, SUFFIXES)(name)
    return wanted(model, features["thinking"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemini-2.5-pro-maxthinking", {"thinkingBudget": 32_768}),
        ("gemini-2.5-flash-maxthinking", {"thinkingBudget": 24_576}),
        ("gemini-2.5-pro-nothinking", {"thinkingBudget": 128, "includeThoughts": False}),
        ("gemini-2.5-flash-nothinking", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-flash-lite-low", {"thinkingBudget": 1024}),
        ("gemini-2.5-flash-lite-thinking-100", {"thinkingBudget": 512}),
        ("gemini-2.5-flash-thinking-99999", {"thinkingBudget": 24_576}),
        ("gemini-2.5-pro-thinking-0", {"thinkingBudget": 128, "includeThoughts": False}),
        ("gemini-2.5-pro-think", {"includeThoughts": True}),
        ("gemini-2.5-flash-lite-think", {"includeThoughts": True, "thinkingBudget": -1}),
        ("gemini-3.8-flash-minimal", {"thinkingLevel": "LOW"}),
        ("gemini-3.5-flash-minimal", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.8-flash-thinking-0", {"thinkingLevel": "LOW", "includeThoughts": False}),
        ("gemini-3.8-flash-thinking-1", {"thinkingBudget": 128}),
        ("gemini-4-argon-max", {"thinkingLevel": "HIGH"}),
        ("gpt-4-thinking-2000", {"thinkingBudget": 2000}),
        ("gpt-4-high", {}),
    ],
)
def test_feature_becomes_what_the_family_has(name: str, expected: dict[str, Any]) -> None:
    assert config(name) == expected


@pytest.mark.parametrize("model", THINKERS)
@pytest.mark.parametrize("suffix", [*NAMES, *(f"-thinking-{tokens}" for tokens in (0, 1, 600, 40_000, 999_999))])
def test_no_suffix_makes_a_request_that_google_refuses(model: str, suffix: str) -> None:
    check_thinking({"generationConfig": {"thinkingConfig": config(model + suffix)}}, MODELS[model])


async def test_name_wins_over_the_request_and_never_both_are_sent(tmp_path: Path) -> None:
    generation = {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}, "temperature": 0.5}
    async with pollux(tmp_path) as proxy:
        heard = await native(proxy, "gemini-3.8-flash-thinking-200", generationConfig=generation)
        assert heard.finishes == ["STOP"]
        await native(
            proxy, "gemini-2.5-flash-nothinking", generationConfig={"thinkingConfig": {"includeThoughts": True}}
        )
        await chat(proxy, "gemini-2.5-flash-nothinking")
    configs = [body["generationConfig"] for body in generations(proxy)]
    assert configs[0] == {"thinkingConfig": {"thinkingBudget": 200, "includeThoughts": True}, "temperature": 0.5}
    # includeThoughts beside a budget of 0 is refused (seed #26).
    assert configs[1]["thinkingConfig"] == configs[2]["thinkingConfig"]
    assert configs[2]["thinkingConfig"] == {"thinkingBudget": 0, "includeThoughts": False}


async def test_openai_callers_see_thoughts_where_the_model_has_some(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        assert (await chat(proxy, "gemini-3.8-flash")).thoughts
        assert (await chat(proxy, "gemini-2.5-pro", stream=False)).thoughts
        assert not (await chat(proxy, "gemini-2.5-flash-lite")).thoughts
        assert not (await chat(proxy, "gemma-4-31b-it")).errors
        assert not (await native(proxy, "gemini-3.8-flash")).thoughts
    lite, gemma = generations(proxy)[2:4]
    assert "thinkingConfig" not in lite.get("generationConfig", {})
    assert "thinkingConfig" not in gemma.get("generationConfig", {})


async def test_level_that_a_new_model_refuses_is_asked_higher_once(tmp_path: Path) -> None:
    # Its family is taken to know MINIMAL, and this one does not.
    async with pollux(tmp_path, scenario=Scenario(models=["gemini-3.5-flash-new"])) as proxy:
        heard = await chat(proxy, "gemini-3.5-flash-new-minimal")
        assert heard.finishes == ["stop"]
        levels = [body["generationConfig"]["thinkingConfig"]["thinkingLevel"] for body in generations(proxy)]
        assert levels == ["MINIMAL", "LOW"]


async def test_gemini_caller_hears_what_the_model_says_to_its_own_words(tmp_path: Path) -> None:
    generation = {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}
    async with pollux(tmp_path) as proxy:
        heard = await native(proxy, "gemini-3.8-flash", generationConfig=generation)
        assert (heard.status, len(generations(proxy))) == (400, 1)


def aliased(alias: str, model: str) -> str:
    shipped = (Path(__file__).parents[3] / "proxy.toml").read_text(encoding="utf-8")
    return shipped[shipped.index("[[pipeline]]") :].replace("aliases = {}", f'aliases = {{ {alias} = "{model}" }}')


async def test_effort_reaches_a_model_that_is_called_by_an_alias(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=aliased("gpt-5", "gemini-3.8-flash")) as proxy:
        assert not (await chat(proxy, "gpt-5", reasoning_effort="low")).errors
    assert generations(proxy)[-1]["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "LOW"


@pytest.mark.parametrize(
    ("thinking", "due"),
    [
        ({"type": "disabled"}, {"thinkingBudget": 0, "includeThoughts": False}),
        ({"type": "enabled", "budget_tokens": 31_999}, {"thinkingBudget": 24_576, "includeThoughts": True}),
    ],
)
async def test_messages_thinking_fits_the_model_behind_an_alias(tmp_path: Path, thinking: Any, due: Any) -> None:
    async with pollux(tmp_path, config=aliased("claude", "gemini-2.5-flash")) as proxy:
        body = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        status, _ = await post(proxy, "/v1/messages", {**body, "thinking": thinking})
    assert status == 200
    [sent] = generations(proxy)
    assert sent["generationConfig"]["thinkingConfig"] == due
