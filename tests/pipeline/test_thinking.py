"""An effort becomes what the model understands, never what it refuses."""

from __future__ import annotations

import pytest

from adapters.simulator.models import MODELS
from adapters.simulator.thoughts import check_thinking
from pipeline.thinking import EFFORTS, thinking


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128, "includeThoughts": False}),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24_576}),
        ("gemini-2.5-pro", "max", {"thinkingBudget": 32_768}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash-lite", "minimal", {"thinkingBudget": 1024}),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH"}),
        ("gemini-3.5-flash", "minimal", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", "low", {"thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", "none", {"thinkingLevel": "LOW", "includeThoughts": False}),
        ("gemini-3.8-flash", "max", {"thinkingLevel": "HIGH"}),
        ("fake/gemini-4-argon-search", "medium", {"thinkingLevel": "MEDIUM"}),
        ("gemini-9-unheard-of", "minimal", {"thinkingLevel": "LOW"}),
        ("gemma-4-31b-it", "high", {}),
        ("gpt-4", "high", {}),
    ],
)
def test_effort_becomes_the_nearest_the_family_has(model, effort, config):
    assert thinking(model, effort) == config


@pytest.mark.parametrize("name", [m.name for m in MODELS.values() if (m.levels or m.budget) and "image" not in m.name])
@pytest.mark.parametrize("effort", EFFORTS)
def test_no_effort_makes_a_request_that_google_refuses(name, effort):
    check_thinking({"generationConfig": {"thinkingConfig": thinking(name, effort)}}, MODELS[name])
