"""The text of a configuration file with some settings changed, and all else as it was: comments, order, layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Table

from pollux.config import FILE
from pollux.pipelines import DEFAULT_STAGES

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from pollux.spans import KeyPath

_PARTS = re.compile(r"(?P<name>[A-Za-z_][\w-]*)|\[(?P<index>\d+)\]")
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\[\d+\])?(?:\.[A-Za-z_][\w-]*)*")


class NoSuchPlace(ValueError):
    """A path that leads nowhere in a configuration."""


def parsed(path: str) -> KeyPath:
    """Read a path as it is shown: `pipeline[3].attempts`. Errors: NoSuchPlace."""
    if not _PATH.fullmatch(path):
        raise NoSuchPlace("no such setting")
    return tuple(int(part["index"]) if part["index"] else part["name"] for part in _PARTS.finditer(path))


def changed(text: str, changes: Mapping[KeyPath, Any]) -> str:
    """Return the text with these settings; None takes one out, so that its default holds.

    Errors: NoSuchPlace; ValueError for a text that is not TOML, or a value that TOML cannot hold.
    """
    try:
        document = tomlkit.parse(text)
        for path, value in changes.items():
            _change(document, path, value)
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError) as exc:
        raise ValueError(str(exc)) from exc


@cache
def shipped() -> str:
    """Return the documented configuration that comes with Pollux: in a checkout beside the rooms, else in this one."""
    here = Path(__file__).parent
    return next((path.read_text(encoding="utf-8") for path in (here / FILE, here.parent / FILE) if path.exists()), "")


def comments(text: str) -> dict[KeyPath, str]:
    """Return what stands beside each setting."""
    found: dict[KeyPath, str] = {}
    try:
        _collect(tomlkit.parse(text), (), found)
    except TOMLKitError:
        return {}
    return found


def _change(document: TOMLDocument, path: KeyPath, value: Any) -> None:
    if path[0] == "pipeline" and "pipeline" not in document:
        document["pipeline"] = _default_pipeline()
    table: Any = document
    for part in path[:-1]:
        table = _inner(table, part)
    last = path[-1]
    if not isinstance(table, dict) or not isinstance(last, str):
        raise NoSuchPlace("no such setting")
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def _inner(table: Any, part: str | int) -> Any:
    if isinstance(part, int):
        if not isinstance(table, list) or part >= len(table):
            raise NoSuchPlace("no such stage")
        return table[part]
    if not isinstance(table, dict):
        raise NoSuchPlace("no such setting")
    if part not in table:
        table[part] = tomlkit.table()
    return table[part]


def _default_pipeline() -> AoT:
    """Write out the stages that are there by default: an option of one of them needs a place to stand."""
    stages = tomlkit.aot()
    for name in DEFAULT_STAGES:
        stages.append(tomlkit.item({"stage": name}))
    return stages


def _collect(table: Any, at: KeyPath, found: dict[KeyPath, str]) -> None:
    for key, value in table.items():
        path = (*at, str(key))
        if isinstance(value, AoT):
            for index, each in enumerate(value):
                _collect(each, (*path, index), found)
            continue
        if isinstance(value, Item) and value.trivia.comment:
            found[path] = re.sub(r"^#\s*(\[[A-Z_, ]+\]\s*)?", "", value.trivia.comment)
        if isinstance(value, Table):
            _collect(value, path, found)
