"""Names go upstream legal and come back as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.names import LEGAL, Names


def test_legal_name_stays():
    names = Names(["get_weather", "mcp.files:read-all"])
    assert names.upstream("get_weather") == "get_weather"
    assert names.renamed() == {}


def test_illegal_name_never_takes_a_legal_ones_place():
    names = Names(["a/b", "a_b"])
    assert names.upstream("a_b") == "a_b"
    assert names.upstream("a/b") != "a_b"


def test_name_becomes_the_same_whatever_else_is_declared_before_it():
    assert Names(["x", "a/b"]).upstream("a/b") == Names(["a/b", "y"]).upstream("a/b") == "a_b"


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=8))
def test_names_are_legal_unique_and_reversible(declared):
    names = Names(declared)
    upstream = [names.upstream(name) for name in declared]
    assert all(LEGAL.fullmatch(name) for name in upstream)
    assert [names.back[name] for name in upstream] == declared
