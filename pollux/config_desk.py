"""Shows and changes the configuration of a house, for the admin API."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.admin import shapes
from pipeline.plan import TERMINAL
from pollux.config import FILE, load, read
from pollux.config_text import NoSuchPlace, changed, comments, parsed, shipped
from pollux.problem import ConfigErrors, Problem
from pollux.settings_view import default_of, settings_of

if TYPE_CHECKING:
    from pipeline.stage import StageConfig
    from pollux.config import Loaded
    from pollux.wiring import House


class ConfigDesk:
    """Implements `adapters.admin.office.ConfigDesk`."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._saving = asyncio.Lock()

    async def show(self) -> shapes.Configuration:
        return await asyncio.to_thread(self._shown)

    async def check(self, changes: Mapping[str, Any]) -> shapes.Checked:
        _, problems = await asyncio.to_thread(self._changed, self._text(), changes)
        return shapes.Checked(not _wrong(problems), [_trouble(each) for each in problems])

    async def save(self, changes: Mapping[str, Any]) -> shapes.Saved:
        async with self._saving:
            free = {path: value for path, value in changes.items() if path not in self._house.loaded.locks}
            skipped = [path for path in changes if path not in free]
            before = self._text()
            after, problems = await asyncio.to_thread(self._changed, before, free)
            if _wrong(problems):
                return shapes.Saved(False, [_trouble(each) for each in problems], [], [], skipped)
            if after == before:
                return shapes.Saved(True, [], [], [], skipped)
            return await self._saved(before, after, skipped, free)

    def pipelines(self) -> shapes.Pipelines:
        loaded, plans = self._house.loaded, self._house.graph.plans
        views = [
            shapes.PipelineView(name, _stages(configs, plans[name].names)) for name, configs in loaded.pipelines.items()
        ]
        routes = [shapes.RouteView(each.match.path, each.match.model, each.pipeline) for each in loaded.routes]
        return shapes.Pipelines(views, routes)

    def _shown(self) -> shapes.Configuration:
        loaded, problems = self._present()
        return shapes.Configuration(
            file=str(self._path) if self._path.exists() else "",
            writable=os.access(self._path if self._path.exists() else self._path.parent, os.W_OK),
            settings=settings_of(loaded, {**comments(shipped()), **comments(loaded.source.text)}),
            warnings=[_trouble(each) for each in problems],
            restart_needed=list(self._house.reloader.last.needs_restart),
        )

    @property
    def _path(self) -> Path:
        return self._house.loaded.path or Path(FILE)

    def _present(self) -> tuple[Loaded, list[Problem]]:
        """Return what the file says now; where that is no configuration, what is in effect, and what is wrong."""
        try:
            loaded = load(self._house.loaded.path, self._house.environ)
        except ConfigErrors as exc:
            return self._house.loaded, exc.problems
        return loaded, loaded.warnings

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _changed(self, text: str, changes: Mapping[str, Any]) -> tuple[str, list[Problem]]:
        """Return the text with the changes, and everything that is wrong with it."""
        places, problems = {}, []
        for path, value in changes.items():
            try:
                places[parsed(path)] = value
            except NoSuchPlace as exc:
                problems.append(Problem(str(exc), path))
        if problems:
            return text, problems
        try:
            after = changed(text, places)
            return after, read(after, self._path, self._house.environ).warnings
        except ConfigErrors as exc:
            return text, exc.problems
        except ValueError as exc:
            return text, [Problem(str(exc), file=str(self._path))]

    async def _saved(self, before: str, after: str, skipped: list[str], changes: Mapping[str, Any]) -> shapes.Saved:
        waiting = set(self._house.reloader.last.needs_restart)
        try:
            await asyncio.to_thread(_write, self._path, after)
        except OSError as exc:
            problem = Problem(f"cannot be written: {exc.strerror}", file=str(self._path))
            return shapes.Saved(False, [_trouble(problem)], [], [], skipped)
        reloaded = await self._house.reloader.reload()
        if not reloaded.ok:  # what no reading can tell: a stage that cannot be built so
            await asyncio.to_thread(_write, self._path, before)
            return shapes.Saved(False, [_trouble(each) for each in reloaded.problems], [], [], skipped)
        later = [path for path in reloaded.needs_restart if path in changes or path not in waiting]
        applied = [path for path in changes if path not in later]
        return shapes.Saved(True, [], applied, later, skipped)


def _stages(configs: list[StageConfig], active: tuple[str, ...]) -> list[shapes.StageView]:
    terminal = [each.name for each in configs].index(TERMINAL)
    return [_stage(each, index - terminal, active) for index, each in enumerate(configs)]


def _stage(config: StageConfig, place: int, active: tuple[str, ...]) -> shapes.StageView:
    options = msgspec.structs.fields(type(config))
    return shapes.StageView(
        stage=config.name,
        half="upstream" if place == 0 else "request" if place < 0 else "reply",
        summary=(config.__doc__ or "").strip().partition("\n")[0],
        options={each.encode_name: msgspec.to_builtins(getattr(config, each.name)) for each in options},
        defaults={each.encode_name: default_of(each) for each in options},
        needs=sorted(config.needs),
        gives=sorted(config.gives),
        idle=config.name not in active,
    )


def _wrong(problems: list[Problem]) -> bool:
    return any(each.level == "error" for each in problems)


def _trouble(problem: Problem) -> shapes.Trouble:
    return shapes.Trouble(problem.message, problem.path, problem.line, problem.level)


def _write(path: Path, text: str) -> None:
    """Replace a file at once or not at all; one that is mounted by itself can only be written in place."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        try:
            Path(temporary).replace(path)
        except OSError:
            path.write_text(text, encoding="utf-8")
    finally:
        Path(temporary).unlink(missing_ok=True)
