"""Positions agree with tomllib: every path it yields has a place, and the place is the right one."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pollux.spans import KeyPath, position, spans

BARE = st.text("abcXYZ019-_", min_size=1, max_size=4)
KEYS = st.one_of(BARE, st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=4))
STRINGS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(st.integers(-99, 9999), st.booleans(), st.floats(-9, 9), st.dates(), st.datetimes(), STRINGS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
TABLES = st.dictionaries(
    KEYS,
    st.one_of(
        VALUES,
        st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=2), max_size=2),
        st.lists(st.dictionaries(KEYS, VALUES, max_size=3), min_size=1, max_size=3),
    ),
    max_size=4,
)


class Writer:
    """Writes a document in a style that the drawn choices make up."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def choose(self, *options: str) -> str:
        return self.data.draw(st.sampled_from(options))

    def key(self, key: str) -> str:
        plain = key and key.isascii() and all(each.isalnum() or each in "-_" for each in key)
        styles = [key] if plain else []
        if not any(each in key for each in "'\n\x7f"):
            styles.append(f"'{key}'")
        return self.choose(*styles, quoted(key))

    def space(self) -> str:
        return self.choose("", " ", "\t")

    def gap(self) -> str:
        return self.choose("", " ", "\n", " # ] } \" ' [x]\n", "\r\n  ")

    def value(self, value: Any) -> str:
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, list):
            items = [self.gap() + self.value(each) + self.gap() for each in value]
            return f"[{','.join(items)}{self.choose('', ',') if items else ''}{self.gap()}]"
        if isinstance(value, dict):
            pairs = [f"{self.space()}{self.pair(key, each)}{self.space()}" for key, each in value.items()]
            return f"{{{','.join(pairs)}}}"
        return json.dumps(value) if isinstance(value, bool | int | float) else value.isoformat()

    def string(self, value: str) -> str:
        styles = [quoted(value), f'"""\n{quoted(value)[1:-1]}"""']
        if all(each.isprintable() for each in value) and "'" not in value:
            styles += [f"'{value}'", f"'''{value}'''", f"'''{value}\n''''"]
        return self.choose(*styles)

    def pair(self, key: str, value: Any) -> str:
        return f"{self.key(key)}{self.space()}={self.space()}{self.value(value)}"

    def lines(self, table: dict[str, Any], at: str = "") -> str:
        """Scalars first, as TOML wants it; then tables with headers or dotted or inline, as drawn."""
        first, later = "", ""
        for key, value in table.items():
            name = self.key(key)
            if isinstance(value, dict) and self.choose("inline", "header") == "header":
                later += f"[{at}{self.space()}{name}] # {{\n" + self.lines(value, f"{at}{name} . ")
            elif tables(value) and self.choose("inline", "headers") == "headers":
                for each in value:
                    later += f"[[{at}{name}{self.space()}]]\n" + self.lines(each, f"{at}{name}.")
            elif isinstance(value, dict) and value and self.choose("inline", "dotted") == "dotted":
                first += "".join(f"{name}{self.space()}.{self.pair(key, each)}\n" for key, each in value.items())
            else:
                first += f"{self.pair(key, value)}{self.choose('', ' # = ')}\n"
        return first + later


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def paths(value: Any, at: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here for key, each in items for here in [((*at, key), each), *paths(each, (*at, key))]]


@given(TABLES, st.data())
def test_every_path_of_tomllib_has_the_place_where_its_value_stands(table: dict[str, Any], data: st.DataObject):
    text = Writer(data).lines(table)
    parsed = tomllib.loads(text)
    found = spans(text)
    assert set(found) == {path for path, _ in paths(parsed)}
    for path, value in paths(parsed):
        if not isinstance(value, dict | list):
            assert reads_as(text[found[path].value :], value)
        if isinstance(path[-1], str) and text[found[path].key] != "[":
            assert text[found[path].key :].startswith((path[-1], '"', "'"))


def reads_as(rest: str, value: Any) -> bool:
    """Whether some beginning of the text is a TOML value equal to this one."""
    for end in range(1, len(rest) + 1):
        try:
            if tomllib.loads(f"x = {rest[:end]}")["x"] == value:
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False


def test_position_counts_lines_and_columns_from_one() -> None:
    text = "[a]\n  b = 1\n"
    assert position(text, spans(text)["a", "b"].key) == (2, 3)
    assert position(text, spans(text)["a", "b"].value) == (2, 7)
    assert position(text, spans(text)["a",].key) == (1, 1)


def test_table_within_a_list_of_tables_belongs_to_the_last() -> None:
    text = "[[p]]\n[[p]]\n[p.q]\nr = 1\n"
    assert position(text, spans(text)["p", 1, "q", "r"].key) == (4, 1)
    assert ("p", 0, "q") not in spans(text)
