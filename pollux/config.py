"""Reads the configuration: file, environment and defaults together, or everything that is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.stage import StageConfig
from pollux import tables
from pollux.environment import Override, expanded, overrides
from pollux.fields import Reading
from pollux.password import PLACEHOLDERS, is_loopback
from pollux.pipelines import DEFAULT, Pipelines, Route
from pollux.problem import ENVIRONMENT, ConfigErrors, Level, Problem, dotted
from pollux.settings import Settings
from pollux.source import Source
from pollux.spans import KeyPath
from pollux.tables import Tables

FILE = "proxy.toml"
"""The configuration where no other is named, looked for in the working directory."""

_LISTS = ("pipeline", "pipelines", "route", *tables.NAMES)


class Loaded(Struct, frozen=True):
    """A configuration without errors.

    Shape: `path` is the file it came from, None for the defaults; `tables` are its `[[error]]`, `[[limit]]` and
        `[[model]]`; `locks` maps a setting (`server.port`) to
        the environment variable that holds it; `pipelines` has `default` and the named ones.
    """

    path: Path | None
    settings: Settings
    pipelines: dict[str, list[StageConfig]]
    routes: list[Route]
    locks: dict[str, str]
    warnings: list[Problem]
    source: Source
    tables: Tables

    def problem(self, path: KeyPath, message: str, level: Level = "error") -> Problem:
        """Place a message at the variable that holds a setting, or in the file."""
        variable = self.locks.get(dotted(path))
        if variable is not None:
            return Problem(message, variable, ENVIRONMENT, level=level)
        return self.source.problem(path, message, level)

    def pipeline(self, path: str, model: str) -> str:
        """Return the name of the pipeline that a request to that path for that model takes."""
        return next((route.pipeline for route in self.routes if route.fits(path, model)), DEFAULT)


def load(path: Path | str | None, environ: Mapping[str, str]) -> Loaded:
    """Read a configuration: `path`, else proxy.toml in the working directory, else the defaults.

    Errors: ConfigErrors with all problems at once.
    """
    if path is not None:
        path = Path(path)
    elif Path(FILE).exists():
        path = Path(FILE)
    source = Source.read(path) if path else Source("", "")
    look_beside(path or Path(FILE))
    return _Loading(source, environ).loaded(path)


def read(text: str, path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read a configuration from the text that a file might have. Errors: ConfigErrors with all problems at once."""
    look_beside(path)
    return _Loading(Source(str(path), text), environ).loaded(path)


def look_beside(path: Path) -> None:
    """Let `stage = "mystages:Redact"` find mystages.py beside the configuration; last, to shadow nothing."""
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)


class _Loading:
    """One reading of one configuration, and what was found wrong on the way."""

    def __init__(self, source: Source, environ: Mapping[str, str]) -> None:
        self.source = source
        self.environ = environ
        self.problems: list[Problem] = []
        self.variables: dict[KeyPath, str] = {}  # the paths whose values come from a variable
        self.lax: set[KeyPath] = set()

    def loaded(self, path: Path | None) -> Loaded:
        document = self.expand(self.source.tables, ())
        from_environment = overrides(self.environ)
        self.problems += from_environment.problems
        self.override(document, [each for each in from_environment.held if each.path[0] != "stages"])
        reading = Reading(self.report, self.lax)
        sections = {name: table for name, table in document.items() if name not in _LISTS}
        settings = reading.struct(Settings, sections, (), besides=_LISTS)
        lists = tables.read(document, reading, self.source.problem)
        held = [each for each in from_environment.held if each.path[0] == "stages"]
        reader = Pipelines(document, reading, held, self.hold, {"thinking": {"defaults": lists.thinking()}})
        pipelines = reader.all()
        routes = reader.routes(document.get("route"))
        for each in reader.unused():
            self.warn_of(each.variable, f"has no effect: no pipeline has a stage {each.path[1]!r}")
        for at, message in _unsafe(settings) if settings else ():
            self.report(at, message)
        errors = [each for each in self.problems if each.level == "error"]
        if errors or settings is None:
            raise ConfigErrors(sorted(self.problems, key=lambda each: (each.file, each.line, each.column)))
        locks = {dotted(at): variable for at, variable in self.variables.items()}
        return Loaded(path, settings, pipelines, routes, locks, self.problems, self.source, lists)

    def report(self, path: KeyPath, message: str) -> None:
        """Keep a problem at the place that is to blame: the variable that holds the setting, or the file."""
        variable = self.variables.get(path)
        if variable is not None:
            self.problems.append(Problem(message, variable, ENVIRONMENT))
        else:
            self.problems.append(self.source.problem(path, message))

    def warn_of(self, variable: str, message: str) -> None:
        self.problems.append(Problem(message, variable, ENVIRONMENT, level="warning"))

    def hold(self, path: KeyPath, variable: str) -> None:
        """Remember that the environment holds a setting: it is locked, and read from text."""
        self.variables[path] = variable
        self.lax.add(path)

    def override(self, tables: dict[str, Any], held: list[Override]) -> None:
        for each in held:
            table: Any = tables
            for key in each.path[:-1]:
                table = table.setdefault(key, {}) if isinstance(table, dict) else None
            if isinstance(table, dict):  # else the file has a value where a table is due, and is told so
                table[each.path[-1]] = each.value
                self.hold(each.path, each.variable)

    def expand(self, value: Any, at: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self.expand(each, (*at, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self.expand(each, (*at, index)) for index, each in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        text, missing = expanded(value, self.environ)
        self.lax.add(at)
        for name, message in missing:
            if message:
                self.report(at, message)
            else:
                warning = f"{name} is not set and stands for nothing"
                self.problems.append(self.source.problem(at, warning, "warning"))
        return text


def _unsafe(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """What is well-formed and still must not run."""
    if settings.storage.url == "memory:" and settings.server.workers > 1:
        yield ("storage", "url"), "memory: is each worker's own, and there are several: choose another, or 1 worker"
    if is_loopback(settings.server.host):
        return
    for name in ("api_password", "panel_password"):
        if getattr(settings.auth, name).lower() in PLACEHOLDERS:
            yield (
                ("auth", name),
                f"a well-known password, and {settings.server.host} is not loopback: choose another",
            )
