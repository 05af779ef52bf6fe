"""One value, one line, for every client's idea of a line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.line import line


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["\u2028", "\u2029", "\x85", "a\u2029\u2028b", "\\u2028"])
)
def test_text_is_one_line_and_the_same_text(text):
    written = line(text).decode()
    assert len(written.splitlines()) == 1
    assert json.loads(written) == text
