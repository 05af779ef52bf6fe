"""The text of a configuration file, its tables, and where everything in them stands."""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pollux.problem import ConfigErrors, Level, Problem, dotted
from pollux.spans import position, spans

if TYPE_CHECKING:
    from pathlib import Path

    from pollux.spans import KeyPath, Span

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class Source:
    """A configuration as written. An empty text stands for "all defaults"."""

    def __init__(self, name: str, text: str) -> None:
        """Errors: ConfigErrors when the text is not TOML."""
        self.name = name
        self.text = text
        try:
            self.tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            raise ConfigErrors([self._not_toml(str(exc))]) from exc

    @classmethod
    def read(cls, path: Path) -> Source:
        """Errors: ConfigErrors when there is no such file, or it is not TOML."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigErrors([Problem(exc.strerror or str(exc), file=str(path))]) from exc
        except UnicodeDecodeError as exc:
            message = f"not UTF-8: byte {exc.start} is {exc.object[exc.start]:#04x}"
            raise ConfigErrors([Problem(message, file=str(path))]) from exc

    def problem(self, path: KeyPath, message: str, level: Level = "error") -> Problem:
        """Place a message at a path, or where the nearest table around it stands."""
        around = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self._spans), ())
        if not around:
            return Problem(message, dotted(path), self.name, level=level)
        line, column = position(self.text, self._spans[around].key)
        return Problem(message, dotted(path), self.name, line, column, level)

    @cached_property
    def _spans(self) -> dict[KeyPath, Span]:
        return spans(self.text)

    def _not_toml(self, message: str) -> Problem:
        place = _PLACE.search(message)
        if place is None:
            return Problem(message, file=self.name)
        line, column = place["line"] or position(self.text, len(self.text)).line, place["column"] or 0
        return Problem(message[: place.start()], file=self.name, line=int(line), column=int(column))
