"""The pipelines of a configuration: the default one, those derived from it, and the routes that choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct, field

from pipeline import registry
from pipeline.plan import misplaced
from pipeline.stage import StageConfig
from pollux.environment import Override
from pollux.fields import Reading
from pollux.spans import KeyPath

DEFAULT = "default"
DEFAULT_STAGES = (
    *("auth", "format", "model-suffix", "models"),
    *("probe", "quota", "fetch", "compatibility", "search", "thinking", "image-options", "signatures", "schema"),
    *("anti-truncation", "deepthink", "fake-stream", "queue", "credential", "upstream"),
    *("transform", "thoughts", "usage"),
)
"""The order of the default pipeline where proxy.toml has no `[[pipeline]]`."""


class Match(Struct, frozen=True):
    """What a route looks at; `*` and `?` stand for anything, `[ab]` for one of these."""

    path: str = "*"
    model: str = "*"


class Route(Struct, frozen=True):
    """Which pipeline a request takes."""

    match: Match
    pipeline: str

    def fits(self, path: str, model: str) -> bool:
        """Whether a request to that path for that model takes this route."""
        return fnmatchcase(path, self.match.path) and fnmatchcase(model, self.match.model)


class Derived(Struct, frozen=True):
    """A `[pipelines.NAME]`: another pipeline, less some stages, plus others."""

    extends: str = DEFAULT
    remove: list[str] = field(default_factory=list)
    insert: list[dict[str, Any]] = field(default_factory=list)


class Entry(Struct, frozen=True):
    """A stage as written: its table, and where that stands."""

    table: dict[str, Any]
    at: KeyPath


class Pipelines:
    """Reads pipelines and routes, and reports what is wrong with them.

    Shape: `held` are the environment's options of stages, with a path of (`stages`, stage, option); `implied` are
        tables that another place of the configuration adds to, by stage and option.
    """

    def __init__(
        self,
        tables: dict[str, Any],
        reading: Reading,
        held: Sequence[Override],
        lock: Callable[[KeyPath, str], None],
        implied: Mapping[str, Mapping[str, dict[str, Any]]],
    ) -> None:
        self.reading = reading
        self.report = reading.report
        self.held = held
        self.lock = lock
        self.implied = implied
        self.built: dict[KeyPath, StageConfig | None] = {}
        self.named: set[str] = set()
        self.said: set[str] = set()
        self.derived: dict[str, Derived] = {}
        self.entries: dict[str, list[Entry]] = {DEFAULT: self._default(tables.get("pipeline"))}
        self._read_derived(tables.get("pipelines", {}))

    def all(self) -> dict[str, list[StageConfig]]:
        """Return every pipeline's stages, the default one first."""
        for name in self.derived:
            self._entries(name, ())
        return {name: self._checked(name, entries) for name, entries in self.entries.items()}

    def routes(self, tables: Any) -> list[Route]:
        """Return the routes in the order in which they are tried."""
        found = []
        for index, table in enumerate(self._tables(tables or [], ("route",))):
            at: KeyPath = ("route", index)
            route = self.reading.struct(Route, table, at)
            if route is not None and route.pipeline not in self.entries:
                near = registry.did_you_mean(route.pipeline, self.entries)
                self.report((*at, "pipeline"), f"no pipeline named {route.pipeline!r}{near}")
            elif route is not None:
                found.append(route)
        return found

    def unused(self) -> list[Override]:
        """Return what the environment says about stages that no pipeline has."""
        return [each for each in self.held if each.path[1] not in self.named]

    def _default(self, tables: Any) -> list[Entry]:
        if tables is None:
            return [Entry({"stage": name}, ("pipeline", index)) for index, name in enumerate(DEFAULT_STAGES)]
        listed = self._tables(tables, ("pipeline",))
        return [Entry(table, ("pipeline", index)) for index, table in enumerate(listed)]

    def _tables(self, tables: Any, at: KeyPath) -> list[Any]:
        if isinstance(tables, list):
            return tables
        self.report(at, f"expected a list of tables: write [[{at[-1]}]]")
        return []

    def _read_derived(self, tables: Any) -> None:
        if not isinstance(tables, dict):
            self.report(("pipelines",), "expected tables: write [pipelines.NAME]")
            return
        for name, table in tables.items():
            if name == DEFAULT:
                self.report(("pipelines", name), "the default pipeline is written as [[pipeline]]")
                continue
            derived = self.reading.struct(Derived, table, ("pipelines", name))
            self.derived[name] = derived or Derived()

    def _entries(self, name: str, heirs: tuple[str, ...]) -> list[Entry]:
        """Return a pipeline's entries; `heirs` are the pipelines that are being derived from it."""
        if name not in self.entries:
            derived, at = self.derived[name], ("pipelines", name)
            self.entries[name] = self._derive(name, self._base(derived.extends, at, (*heirs, name)))
        return self.entries[name]

    def _base(self, name: str, at: KeyPath, heirs: tuple[str, ...]) -> list[Entry]:
        if name in heirs:
            self.report((*at, "extends"), f"{' extends '.join([*heirs, name])}: a circle")
        elif name != DEFAULT and name not in self.derived:
            near = registry.did_you_mean(name, [DEFAULT, *self.derived])
            self.report((*at, "extends"), f"no pipeline named {name!r}{near}")
        else:
            return list(self._entries(name, heirs))
        return list(self.entries[DEFAULT])

    def _derive(self, name: str, entries: list[Entry]) -> list[Entry]:
        derived = self.derived[name]
        for index, removed in enumerate(derived.remove):
            found = self._find(entries, removed, ("pipelines", name, "remove", index), derived.extends)
            if found is not None:
                del entries[found]
        for index, table in enumerate(derived.insert):
            at: KeyPath = ("pipelines", name, "insert", index)
            side = [each for each in ("before", "after") if each in table]
            if len(side) != 1:
                self.report(at, "say where: either before = STAGE or after = STAGE")
                continue
            options = {key: value for key, value in table.items() if key not in side}
            found = self._find(entries, table[side[0]], (*at, side[0]), derived.extends)
            if found is not None:
                entries.insert(found + (side[0] == "after"), Entry(options, at))
        return entries

    def _find(self, entries: list[Entry], name: Any, at: KeyPath, base: str) -> int | None:
        names = [self._name(entry) for entry in entries]
        if name in names:
            return names.index(name)
        near = registry.did_you_mean(str(name), names)
        self.report(at, f"no stage {name!r} in pipeline {base!r}{near}")
        return None

    def _name(self, entry: Entry) -> str:
        config = self._stage(entry)
        if config is not None:
            return config.name
        return str(entry.table.get("stage", "")) if isinstance(entry.table, dict) else ""

    def _stage(self, entry: Entry) -> StageConfig | None:
        """Return a stage from its table; once, however many pipelines share it."""
        if entry.at not in self.built:
            self.built[entry.at] = self._build(entry)
        return self.built[entry.at]

    def _build(self, entry: Entry) -> StageConfig | None:
        if not isinstance(entry.table, dict) or not isinstance(entry.table.get("stage"), str):
            self.report(entry.at, "expected a table with the name of a stage: stage = NAME")
            return None
        try:
            config = registry.find(entry.table["stage"])
        except registry.UnknownStage as exc:
            self.report((*entry.at, "stage"), str(exc))
            return None
        self.named.add(config.name)  # also when its options are wrong, so that nobody says that it is not there
        options = {key: value for key, value in entry.table.items() if key != "stage"}
        for option, entries in self.implied.get(config.name, {}).items():
            if entries and isinstance(options.setdefault(option, {}), dict):
                options[option] = {**entries, **options[option]}
        for override in self.held:
            if override.path[1] == config.name:
                option = str(override.path[2])
                options[option] = override.value
                self.lock((*entry.at, option), override.variable)
        return self.reading.struct(config, options, entry.at)

    def _checked(self, name: str, entries: list[Entry]) -> list[StageConfig]:
        configs = [self._stage(entry) for entry in entries]
        sound = [config for config in configs if config is not None]
        if len(sound) < len(configs):
            return sound
        whole: KeyPath = ("pipeline",) if name == DEFAULT else ("pipelines", name)
        for each in misplaced(sound):
            if each.message not in self.said:  # what the base has wrong is not said again of what derives from it
                self.said.add(each.message)
                at = whole if each.index is None else entries[each.index].at
                self.report(at if at[: len(whole)] == whole else whole, each.message)
        return sound
