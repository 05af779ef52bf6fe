"""The usage of several calls is one usage."""

from __future__ import annotations

from pipeline.sources import summed


def test_usages_add_up_with_their_details() -> None:
    first = {
        "promptTokenCount": 3,
        "totalTokenCount": 5,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }
    second = {
        "promptTokenCount": 4,
        "totalTokenCount": 9,
        "thoughtsTokenCount": 2,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 1}, {"modality": "TEXT", "tokenCount": 3}],
        "serviceTier": "standard",
    }
    assert summed([first, {}, second]) == {
        "promptTokenCount": 7,
        "totalTokenCount": 14,
        "thoughtsTokenCount": 2,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 6}, {"modality": "IMAGE", "tokenCount": 1}],
        "serviceTier": "standard",
    }
    assert first["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 3}]
