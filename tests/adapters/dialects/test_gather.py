"""Chunks of a stream become the one chunk they would have been."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.gather import gathered
from tests.adapters.dialects.rig import ended, said


def test_one_chunk_stays_the_same_object():
    chunk = said("a")
    assert gathered([chunk]) is chunk


def test_candidates_are_kept_apart_and_in_order():
    second = {"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}}]}
    whole = gathered([second, said("a"), second])
    assert [c["content"]["parts"] for c in whole["candidates"]] == [[{"text": "a"}], [{"text": "bb"}]]


def test_blocked_prompt_keeps_no_candidates():
    blocked = {"promptFeedback": {"blockReason": "OTHER"}}
    assert gathered([blocked, {"usageMetadata": {}}]) == {**blocked, "usageMetadata": {}}


@given(st.lists(st.text(), min_size=1))
def test_text_is_joined_whatever_the_cut(texts):
    chunks = [said(text) for text in texts]
    before = [text for chunk in chunks for text in [chunk["candidates"][0]["content"]["parts"][0]["text"]]]
    whole = gathered([*chunks, ended()])
    assert whole["candidates"][0]["content"]["parts"] == [{"text": "".join(texts)}]
    assert before == texts
