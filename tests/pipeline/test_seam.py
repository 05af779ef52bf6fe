"""A seam joins exactly once, however the continuation arrives."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.seam import LONGEST, SHORTEST, Seam, overlap

LETTERS = st.text(alphabet="ab c你", max_size=60)


def joined(said: str, pieces: list[str]) -> str:
    seam = Seam(said)
    return "".join(seam.feed(piece) for piece in pieces) + seam.flush()


@pytest.mark.parametrize(
    ("said", "continuation", "new"),
    [
        ("The quick brown fox", " jumps", " jumps"),
        ("The quick brown fox", "brown fox jumps", " jumps"),
        ("The quick brown fox", "The quick brown fox jumps", " jumps"),
        ("The quick brown fox", "The quick brown fox", ""),
        ("The quick brown fox", "fox jumps", "fox jumps"),
        ("The quick brown fox", "The quick brown cat", "The quick brown cat"),
        ("ha ha", " ha ha", " ha ha"),
        ("", "The quick", "The quick"),
        ("从前有一个小村庄", "有一个小村庄，村里", "，村里"),
    ],
)
def test_repetition_is_taken_out_once(said: str, continuation: str, new: str) -> None:
    assert joined(said, [continuation]) == new
    assert joined(said, list(continuation)) == new


@given(said=LETTERS, new=LETTERS, cuts=st.lists(st.integers(0, 60)))
def test_any_split_gives_the_same(said: str, new: str, cuts: list[int]) -> None:
    places = sorted({0, len(new), *(cut for cut in cuts if cut < len(new))})
    pieces = [new[start:end] for start, end in pairwise(places)]
    assert joined(said, pieces) == joined(said, [new]) == new[overlap(said, new) :]


@given(said=st.text(min_size=1), back=st.integers(SHORTEST, 50), new=st.text(min_size=1))
def test_what_is_repeated_never_stands_twice(said: str, back: int, new: str) -> None:
    repeated = said[-back:]
    if len(repeated) >= SHORTEST:
        result = joined(said, [repeated + new])
        assert len(result) <= len(new)
        assert (repeated + new).endswith(result)


def test_only_the_end_of_a_long_text_is_compared() -> None:
    assert joined("a beginning " + "x" * LONGEST, ["a beginning "]) == "a beginning "
