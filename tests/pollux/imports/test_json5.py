"""JSON as people write it by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pollux.imports import json5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{a: 1, $b_2: [1, 2,],}", {"a": 1, "$b_2": [1, 2]}),
        ("// first\n{/* {b: 2} */ 'a': 'it\\'s \"so\"'}", {"a": 'it\'s "so"'}),
        ('{"a": "// no /* comment */ , ]"}', {"a": "// no /* comment */ , ]"}),
        ('{"url": "http://h/x", b: "c: d,}"}', {"url": "http://h/x", "b": "c: d,}"}),
        (r'{"a": "\\", b: 1}', {"a": "\\", "b": 1}),
    ],
)
def test_text_written_by_hand_means_what_it_says(text: str, value: Any) -> None:
    assert json5.read(text) == value


@pytest.mark.parametrize("text", ["{", "{a}", "{a: b}", "", "nothing"])
def test_what_is_none_of_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json5.read(text)
