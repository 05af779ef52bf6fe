"""Bodies are parsed once, or refused in words that name the place."""

import pytest
from msgspec import Struct

from adapters.dialects.document import MAX_DEPTH, converted, decoded, object_in, parsed
from pipeline.errors import BadRequest


class Inner(Struct):
    role: str


class Outer(Struct):
    inner: list[Inner]


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_body_as_deep_as_google_reads_is_parsed_and_one_level_more_is_refused():
    parsed(nested(MAX_DEPTH))
    with pytest.raises(BadRequest, match="nested"):
        parsed(nested(MAX_DEPTH + 1))


def test_body_of_many_brackets_is_not_taken_for_a_deep_one():
    assert parsed(b"[" + b",".join([b"[[]]"] * 1000) + b"]")
    assert parsed(b'"' + b"[" * 1000 + b'"')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b"  ", "no body"),
        (b'{"a":', "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":"\xc3("}', "not valid UTF-8 at byte 6"),
        (nested(100_000), "depth limit"),
    ],
)
def test_body_that_is_no_json_is_refused_in_words(body, words):
    with pytest.raises(BadRequest, match=words):
        parsed(body)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"[]", None, "Expected `object`, got `array`"),
        (b"{}", "inner", "inner: required, but missing"),
        (b'{"inner":[{}]}', "inner[0].role", "inner[0].role: required, but missing"),
        (b'{"inner":[{"role":1}]}', "inner[0].role", "inner[0].role: Expected `str`, got `int`"),
    ],
)
def test_value_that_does_not_fit_is_named(body, field, message):
    with pytest.raises(BadRequest) as refused:
        decoded(body, Outer)
    assert (refused.value.field, refused.value.message) == (field, message)


def test_piece_of_a_body_is_named_by_its_place():
    with pytest.raises(BadRequest) as refused:
        converted({"inner": [{}]}, Outer, "input[3]")
    assert refused.value.field == "input[3].inner[0].role"


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"a":1}', {"a": 1}), (' {"a":1}\n', {"a": 1}), ("[1]", None), ("{a}", None), ("", None), ('{"a":1', None)],
)
def test_text_is_an_object_only_when_it_is_one(text, found):
    assert object_in(text) == found
