"""Where in a TOML file each key and value stands: tomllib reads values, this positions, for messages only.

It is run on text that tomllib has accepted, and so it may be lenient about everything that cannot be there.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of a document to a value."""

# A multi-line string may end in up to two quotes of its own before the closing three (TOML 1.0, "String").
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")


class Span(NamedTuple):
    """Offsets of a key and of its value; for an element of a list both are the element's."""

    key: int
    value: int


class Position(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int


def position(text: str, offset: int) -> Position:
    """Return line and column of an offset."""
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def spans(text: str) -> dict[KeyPath, Span]:
    """Return where every path that tomllib yields for this text has its key and its value."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, Span] = {}
        self.tables_in: dict[KeyPath, int] = {}  # lists of tables, and how many each holds so far

    def document(self) -> dict[KeyPath, Span]:
        here: KeyPath = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                here = self.header()
            else:
                self.pair(here)
            self.skip(_BLANK)
        return self.found

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not TOML at {position(self.text, self.at)}")
        self.at = match.end()
        return match[0]

    def header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]` and return the path of the table it opens."""
        start = self.at
        of_tables = self.text.startswith("[[", self.at)
        self.at += 2 if of_tables else 1
        keys = self.keys()
        self.at += 2 if of_tables else 1
        path: KeyPath = ()
        for key, _ in keys[:-1]:
            path = self.latest(self.name((*path, key), start))
        path = self.name((*path, keys[-1][0]), start)
        if of_tables:
            self.tables_in[path] = self.tables_in.get(path, 0) + 1
            path = self.name(self.latest(path), start)
        return path

    def name(self, path: KeyPath, start: int) -> KeyPath:
        self.found.setdefault(path, Span(start, start))
        return path

    def latest(self, path: KeyPath) -> KeyPath:
        """Follow a list of tables to the table that was opened last."""
        return (*path, self.tables_in[path] - 1) if path in self.tables_in else path

    def keys(self) -> list[tuple[str, int]]:
        """Read a dotted key: each part and its offset."""
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            if self.text[start] in "\"'":
                parts.append((tomllib.loads(f"key = {self.skip(_STRING)}")["key"], start))
            else:
                parts.append((self.skip(_BARE_KEY), start))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def pair(self, here: KeyPath) -> None:
        keys = self.keys()
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        for key, start in keys:
            here = self.name((*here, key), start)
        self.found[here] = Span(keys[-1][1], self.at)
        self.value(here)

    def value(self, path: KeyPath) -> None:
        first = self.text[self.at]
        if first == "[":
            self.items(path, "]")
        elif first == "{":
            self.items(path, "}")
        else:
            self.skip(_STRING if first in "\"'" else _SCALAR)

    def items(self, path: KeyPath, end: str) -> None:
        """Read a list or an inline table."""
        self.at += 1
        self.skip(_BLANK)
        index = 0
        while self.text[self.at] != end:
            if end == "]":
                self.name((*path, index), self.at)
                self.value((*path, index))
            else:
                self.pair(path)
            index += 1
            self.skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
                self.skip(_BLANK)
        self.at += 1
