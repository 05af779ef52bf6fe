"""Google counts bytes, OpenAI counts characters."""

from __future__ import annotations

import pytest

from adapters.dialects.openai.citations import citations

WEB = [{"web": {"uri": "https://a.example/", "title": "A"}}]


def places(text, segment):
    grounding = {"groundingChunks": WEB, "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}]}
    return [
        (note["url_citation"]["start_index"], note["url_citation"]["end_index"]) for note in citations(grounding, text)
    ]


@pytest.mark.parametrize(
    ("text", "segment", "place"),
    [
        ("plain text", {"startIndex": 6, "endIndex": 10, "text": "text"}, (6, 10)),
        ("你好世界", {"startIndex": 6, "endIndex": 12, "text": "世界"}, (2, 4)),
        ("😀 smile", {"startIndex": 5, "endIndex": 10}, (2, 7)),
        ("code first, then words", {"endIndex": 5, "text": "words"}, (17, 22)),
        ("short", {"startIndex": 90, "endIndex": 99}, (5, 5)),
        ("short", {}, (0, 0)),
    ],
)
def test_byte_offsets_become_character_offsets(text, segment, place):
    assert places(text, segment) == [place]


def test_source_of_no_passage_stands_at_the_end():
    assert citations({"groundingChunks": WEB}, "abc")[0]["url_citation"]["start_index"] == 3


def test_supports_of_nothing_are_left_out():
    grounding = {"groundingChunks": [{}], "groundingSupports": [{"groundingChunkIndices": [0, 5]}, {}]}
    assert citations(grounding, "abc") == []
