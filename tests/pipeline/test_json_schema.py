"""A reference leads to the schema it names, or nowhere."""

from __future__ import annotations

import pytest

from pipeline.json_schema import resolve


@pytest.mark.parametrize("pointer", ["#/$defs/Gone", "https://elsewhere.example/x", "#/a/9", 5, None])
def test_references_to_nowhere_resolve_to_nothing(pointer: object) -> None:
    assert resolve({"a": [{}]}, pointer) is None


def test_pointer_escapes_are_read() -> None:
    assert resolve({"$defs": {"a/b~c d": {"type": "string"}}}, "#/$defs/a~1b~0c%20d") == {"type": "string"}
