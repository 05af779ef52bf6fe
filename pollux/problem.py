"""What is wrong with a configuration, said so that the place is found at once."""

import json
import re
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from pollux.spans import KeyPath

EX_CONFIG = 78
"""The exit code of a bad configuration (sysexits.h): to start again does not help."""

EX_UNAVAILABLE = 69
"""The exit code where a database does not answer (sysexits.h): to start again later does."""

ENVIRONMENT = "environment"
"""Stands for the file's name where a variable is to blame."""

Format = Literal["text", "json", "github"]
Level = Literal["error", "warning"]


class Problem(Struct, frozen=True):
    """One thing wrong, and where.

    Shape: `file` is a path or `environment`; `line` and `column` count from 1, 0 when there is no such place;
        `path` names the setting as `pipeline[3].attempts`.
    """

    message: str
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    level: Level = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigErrors(Exception):
    """A configuration that cannot be used; holds everything wrong with it, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def dotted(path: KeyPath) -> str:
    """Write a path as people do: `pipeline[3].attempts`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[\w-]+", part) else json.dumps(part))
    return text


def written(problems: Sequence[Problem], form: Format) -> str:
    """Write problems for people (text), programs (json) or a pull request's margin (github)."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(problems), indent=2).decode()
    if form == "github":
        return "\n".join(map(_annotation, problems))
    return "\n".join(f"warning: {problem}" if problem.level == "warning" else str(problem) for problem in problems)


def _annotation(problem: Problem) -> str:
    """Source: GitHub workflow commands; property values escape also `:` and `,`."""
    place = {"file": problem.file, "line": problem.line, "col": problem.column}
    properties = ",".join(
        f"{name}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in place.items()
        if value
    )
    message = ": ".join(part for part in (problem.path, problem.message) if part)
    return f"::{problem.level} {properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
