"""Pieces of grounding become one, whichever way Google cuts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grounding import joined, shifted


def source(name: str) -> dict[str, Any]:
    return {"web": {"uri": f"https://{name}.example/", "title": name}}


def passage(text: str, *numbers: int) -> dict[str, Any]:
    start = "abcdefgh".index(text)
    return {"segment": {"startIndex": start, "endIndex": start + 1, "text": text}, "groundingChunkIndices": [*numbers]}


def grounding(sources: str, *passages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"groundingChunks": [source(name) for name in sources], "groundingSupports": [*passages], **more}


WHOLE = grounding("ab", passage("a", 0), passage("b", 1, 0))
FIRST = grounding("a", passage("a", 0))


@pytest.mark.parametrize(
    ("second", "whole"),
    [
        pytest.param(FIRST, FIRST, id="the same again"),
        pytest.param(WHOLE, WHOLE, id="all of it so far"),
        pytest.param(grounding("ba", passage("b", 0, 1)), WHOLE, id="what is new and a source that is not"),
        pytest.param(
            grounding("b", passage("b", 0)), grounding("ab", passage("a", 0), passage("b", 1)), id="what is new"
        ),
        pytest.param(
            {"groundingSupports": [passage("b", 0)]},
            grounding("a", passage("a", 0), passage("b", 0)),
            id="sources came before",
        ),
        pytest.param(
            grounding("b", passage("b", 1)), grounding("ab", passage("a", 0), passage("b", 1)), id="counted through all"
        ),
        pytest.param({"searchEntryPoint": {"a": 1}}, {**FIRST, "searchEntryPoint": {"a": 1}}, id="something else"),
    ],
)
def test_every_passage_keeps_its_sources_and_none_stands_twice(second: dict[str, Any], whole: dict[str, Any]) -> None:
    assert joined(FIRST, second) == whole


def test_queries_add_up_and_the_last_entry_point_counts() -> None:
    old = {"webSearchQueries": ["x", "y"], "searchEntryPoint": 1}
    assert joined(old, {"webSearchQueries": ["y", "z"], "searchEntryPoint": 2}) == {
        "webSearchQueries": ["x", "y", "z"],
        "searchEntryPoint": 2,
    }


def test_later_text_has_later_passages() -> None:
    moved = shifted({"groundingSupports": [{"segment": {"endIndex": 4}}, {"groundingChunkIndices": [0]}]}, 3)
    assert moved["groundingSupports"] == [
        {"segment": {"startIndex": 3, "endIndex": 7}},
        {"groundingChunkIndices": [0]},
    ]


FACTS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("stuv"), min_size=1)), min_size=1)


def stated(facts: list[tuple[str, set[str]]]) -> dict[str, Any]:
    names = sorted(set().union(*(names for _, names in facts)))
    return grounding("".join(names), *(passage(text, *map(names.index, sorted(rests))) for text, rests in facts))


def read(whole: dict[str, Any]) -> set[tuple[str, frozenset[str]]]:
    names = [each["web"]["title"] for each in whole["groundingChunks"]]
    assert len(set(names)) == len(names)
    return {
        (each["segment"]["text"], frozenset(names[number] for number in each["groundingChunkIndices"]))
        for each in whole["groundingSupports"]
    }


@given(FACTS, st.integers(0, 8), st.booleans())
def test_any_cut_says_the_same_repeated_or_not(facts: list[tuple[str, set[str]]], cut: int, repeats: bool) -> None:
    first, rest = facts[:cut], facts if repeats else facts[cut:]
    pieces = [stated(piece) for piece in (first, rest) if piece]
    whole: dict[str, Any] = {}
    for piece in pieces:
        whole = joined(whole, piece)
    assert read(whole) == {(text, frozenset(names)) for text, names in facts}
