"""Features on a model's name resolve in any order, number and spelling (seed defects of one suffix only, T21)."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exchange import Exchange, Request
from pipeline.ports import Dialect, Ports
from pipeline.stages.model_suffix import PREFIXES, SUFFIXES, ModelSuffix, taker

MODELS = [
    *("gemini-3.8-flash", "gemini-2.5-pro", "gemini-4-argon", "gemini-3.1-flash-lite", "gemini-3-pro-image"),
    *("gemini-2.5-pro-preview-06-05", "gpt-4", "somebody/unheard-of-model", "gemini-flash-latest"),
]
take = taker(PREFIXES, SUFFIXES)


def read(feature: str) -> tuple[str, Any]:
    name, _, value = feature.partition("=")
    return name, value or True


BUDGETS = st.integers(0, 99_999).map(lambda tokens: (f"-thinking-{tokens}", ("thinking", tokens)))
START = st.sampled_from([(spelling, read(feature)) for spelling, feature in PREFIXES.items()])
END = st.sampled_from([(spelling, read(feature)) for spelling, feature in SUFFIXES.items()]) | BUDGETS


def one_of_each(found: list[Any]) -> list[Any]:
    return list({feature: (spelling, (feature, value)) for spelling, (feature, value) in found}.values())


@given(st.sampled_from(MODELS), st.lists(START).map(one_of_each), st.lists(END).map(one_of_each), st.randoms())
def test_every_permutation_of_features_and_spellings_resolves(
    model: str, starts: list[Any], ends: list[Any], random: Any
) -> None:
    random.shuffle(starts)
    random.shuffle(ends)
    name = "".join(each[0] for each in starts) + model + "".join(each[0] for each in ends)
    assert take(name) == (model, dict(feature for _, feature in starts + ends))


@pytest.mark.parametrize("model", [*MODELS, "", "-", "fake/", "-search", "-thinking-100", "流式抗截断/"])
def test_name_without_features_stays_as_it_is(model: str) -> None:
    assert take(model) == (model, {})


@pytest.mark.parametrize(
    ("name", "model", "features"),
    [
        ("流式抗截断/假流式/gemini-2.5-pro-search-maxthinking", "gemini-2.5-pro", None),
        ("fake/models/gemini-3.8-flash", "gemini-3.8-flash", {"fake-stream": True}),
        ("gemini-2.5-pro-low-high", "gemini-2.5-pro", {"thinking": "high"}),
        ("gemini-2.5-pro-假流式-nothinking", "gemini-2.5-pro", {"fake-stream": True, "thinking": "none"}),
    ],
)
def test_spellings_of_the_systems_replaced(name: str, model: str, features: dict[str, Any] | None) -> None:
    everything = {"anti-truncation": True, "fake-stream": True, "search": True, "thinking": "max"}
    assert take(name) == (model, everything if features is None else features)


async def test_alias_is_followed_before_and_after_and_may_bring_features() -> None:
    stage = ModelSuffix(aliases={"gpt-5": "gemini-3-pro-preview-low", "fake/x": "gemini-3.8-flash"})
    run = stage.build(cast("Ports", None))
    found = {}
    for name in ("gpt-5", "gpt-5-search", "gpt-5-high", "fake/x"):
        x = Exchange("id", Request("POST", "/", []), cast("Dialect", None), 0.0, model=name)
        await run(x)
        found[name] = (x.model, x.features)
    assert found == {
        "gpt-5": ("gemini-3-pro-preview", {"thinking": "low"}),
        "gpt-5-search": ("gemini-3-pro-preview", {"thinking": "low", "search": True}),
        "gpt-5-high": ("gemini-3-pro-preview", {"thinking": "high"}),
        "fake/x": ("gemini-3.8-flash", {}),
    }
