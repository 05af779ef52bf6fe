"""Changes to a configuration's text leave everything else as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollux.config_text import NoSuchPlace, changed, comments, parsed

SAMPLE = (Path(__file__).parents[2] / "proxy.toml").read_text(encoding="utf-8")


def test_sample_survives_a_change_line_by_line():
    after = changed(SAMPLE, {("server", "grace"): 5.0, ("pipeline", 0, "stage"): "auth"})
    differing = [(a, b) for a, b in zip(SAMPLE.splitlines(), after.splitlines(), strict=True) if a != b]
    (change,) = differing
    assert change[1].startswith("grace = 5.0")
    assert "#" in change[1]


@given(st.dictionaries(st.sampled_from(["a", "b", "c-d"]), st.integers() | st.text() | st.booleans()))
def test_what_is_set_is_read_back(values):
    after = changed("# kept\n[one]\nz = 1\n", {("one", name): value for name, value in values.items()})
    assert tomllib.loads(after)["one"] == {"z": 1, **values}
    assert after.startswith("# kept\n")


def test_setting_of_a_table_that_is_not_there_makes_the_table():
    assert tomllib.loads(changed("", {("a", "b", "c"): 1})) == {"a": {"b": {"c": 1}}}


def test_none_takes_a_setting_out():
    assert tomllib.loads(changed("a = 1\nb = 2\n", {("a",): None, ("gone",): None})) == {"b": 2}


def test_option_of_a_stage_by_default_writes_the_stages_out():
    after = tomllib.loads(changed("", {("pipeline", 1, "strict"): True}))
    assert after["pipeline"][1]["strict"] is True
    assert after["pipeline"][0] == {"stage": "auth"}


@pytest.mark.parametrize("path", ["", "a..b", "a[0", "a b", "a.b\n", "[0]", "a[-1]"])
def test_path_that_is_none_is_refused(path):
    with pytest.raises(NoSuchPlace):
        parsed(path)


@pytest.mark.parametrize("path", [("pipeline", 99, "x"), ("a", "b", "c"), ("pipeline", 0)])
def test_place_that_is_not_there_is_refused(path):
    with pytest.raises(NoSuchPlace):
        changed("a = {b = 1}\n[[pipeline]]\nstage = 'auth'\n", {path: 1})


def test_value_that_toml_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r".+"):
        changed("", {("a",): [1, None]})


def test_comments_are_found_where_they_stand():
    found = comments("[a] # all of a\nb = 1 # [B] what b is\n[[pipeline]]\nstage = 'x' # the first\n")
    assert found == {("a",): "all of a", ("a", "b"): "what b is", ("pipeline", 0, "stage"): "the first"}
