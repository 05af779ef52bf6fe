"""Turns a table into the Struct it describes, and says everything that is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from pipeline.registry import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from pollux.spans import KeyPath

S = TypeVar("S", bound=Struct)

# msgspec says "Expected `int`, got `str` - at `$[0].name`".
_PLACE = re.compile(r" - at `\$(?P<path>\S*)`$")


class Reading:
    """Reads tables into Structs and reports what is wrong, with the path at which it is.

    Shape: `lax` holds the paths whose text came from the environment, where every value is a string.
    """

    def __init__(self, report: Callable[[KeyPath, str], None], lax: Collection[KeyPath] = ()) -> None:
        self.report = report
        self.lax = lax

    def struct(self, cls: type[S], table: Any, at: KeyPath, besides: Iterable[str] = ()) -> S | None:
        """Return the Struct, or None after reporting; keys in `besides` are known to somebody else."""
        if not isinstance(table, dict):
            self.report(at, f"expected a table, got {_kind(table)}")
            return None
        fields = {each.encode_name: each for each in msgspec.structs.fields(cls)}
        sound = self._known(table, [*fields, *besides], at)
        values = {}
        for name, each in fields.items():
            if name in table:
                good, values[each.name] = self._value(each.type, table[name], (*at, name))
                sound &= good
            elif each.default is NODEFAULT and each.default_factory is NODEFAULT:
                self.report(at, f"{name!r} is missing")
                sound = False
        return self._made(cls, values, at) if sound else None

    def _known(self, table: dict[str, Any], known: list[str], at: KeyPath) -> bool:
        unknown = [key for key in table if key not in known]
        for key in unknown:
            self.report((*at, key), f"unknown key{did_you_mean(key, known)}")
        return not unknown

    def _value(self, kind: Any, value: Any, at: KeyPath) -> tuple[bool, Any]:
        if isinstance(kind, type) and issubclass(kind, Struct):
            made = self.struct(kind, value, at)
            return made is not None, made
        try:
            return True, msgspec.convert(value, kind, strict=at not in self.lax)
        except msgspec.ValidationError as exc:
            self.report(at, _said(kind, value, str(exc)))
            return False, None

    def _made(self, cls: type[S], values: dict[str, Any], at: KeyPath) -> S | None:
        try:
            return cls(**values)
        except (ValueError, TypeError) as exc:  # what a __post_init__ raises, as msgspec defines it
            name, _, wrong = str(exc).partition(": ")
            named = name in values and bool(wrong)
            self.report((*at, name) if named else at, wrong if named else str(exc))
            return None


def _said(kind: Any, value: Any, message: str) -> str:
    """Return msgspec's message in the words of this program."""
    place = _PLACE.search(message)
    message = message[: place.start()] if place else message
    if not place:
        message = _expected(kind, value) or message
    message = message.replace("`", "").replace("object", "a table").replace("array", "a list")
    return message[0].lower() + message[1:] + (f" (at {place['path']})" if place else "")


def _expected(kind: Any, value: Any) -> str:
    """Return what was expected where a type says so better than msgspec does."""
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        return f"expected one of {', '.join(map(repr, choices))}, got {value!r}{near}"
    for each in getattr(kind, "__metadata__", ()):
        if isinstance(each, Meta) and each.description and isinstance(value, str):
            return f"expected {each.description}"
    return ""


def _kind(value: Any) -> str:
    names = {list: "a list", str: "str", bool: "bool", int: "int", float: "float"}
    return names.get(type(value), type(value).__name__)
