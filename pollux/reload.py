"""Takes over a changed configuration while requests are served: all of it, or nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from pollux import tables
from pollux.config import FILE, load
from pollux.problem import ConfigErrors, Problem
from pollux.serve import with_passwords
from pollux.settings import Section

if TYPE_CHECKING:
    from adapters.metrics import PrometheusMeter
    from pollux.config import Loaded
    from pollux.graph import Graph

log = structlog.get_logger("pollux.reload")

NEEDS_RESTART = (
    *("server.host", "server.port", "server.workers", "server.engine", "server.idle_timeout"),
    "server.grace",
    *("server.max_memory_bytes", "server.max_memory_share"),
    "storage",
    *("scheduling.priorities", "scheduling.concurrency", "scheduling.reset_zone"),
    *("scheduling.breaker_faults", "scheduling.breaker_pause"),
    *("upstream.proxy", "upstream.endpoints", "upstream.timeouts"),
    *("logging.file", "logging.format", "metrics"),
)
"""The settings, or tables of them, that hold for the life of the process; `[[limit]]` does too."""

_LIMIT = "limit"

_LOOK = 1.0
"""Seconds between two looks at the file; it is read when it was the same in two, and so is written to its end."""

Stamp = tuple[int, int, int] | None

S = TypeVar("S", bound=Section)


class Reloaded(Struct, frozen=True, kw_only=True):
    """What came of reading the configuration anew.

    Shape: `changed` are the settings that are in effect now and were not before, `needs_restart` those that the file
        has otherwise than the process started with. Not `ok`: `problems` say why nothing has changed.
    Units: `at` in epoch seconds.
    """

    ok: bool
    at: float
    problems: list[Problem] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    needs_restart: list[str] = field(default_factory=list)


class Reloader:
    """Reads the configuration anew when it is told to, or when its file has changed.

    Shape: `build` makes ready what requests are served by, aside; `adopt` puts it in the place of what was, and cannot
        fail. `others` tells the other workers of this machine to do the same.
    """

    def __init__(
        self,
        started: Loaded,
        environ: Mapping[str, str],
        build: Callable[[Loaded], Graph],
        adopt: Callable[[Graph], None],
        meter: PrometheusMeter,
    ) -> None:
        self.others: Callable[[], None] = lambda: None
        self.last = Reloaded(ok=True, at=time.time())
        self._started = self._loaded = started
        self._environ = environ
        self._build = build
        self._adopt = adopt
        self._meter = meter
        self._taken = _stamp(self._path())
        self._lock = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        meter.child("pollux_config_last_success_timestamp_seconds")(self.last.at)

    def start(self) -> None:
        """Look at the file from now on."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Read the configuration anew, soon; this worker only."""
        self._wanted.set()

    async def reload(self) -> Reloaded:
        """Read the configuration anew, and have the other workers do so; a bad one changes nothing and says why."""
        reloaded = await self._reload()
        if reloaded.ok:
            self.others()
        return reloaded

    async def _reload(self) -> Reloaded:
        async with self._lock:
            self._taken = _stamp(self._path())
            taking = asyncio.get_running_loop().create_task(self._take_over())
            await asyncio.wait([taking])
            failure = taking.exception()
            # A stage of a user's own may raise anything while it is built: whatever it is, the old graph serves on.
            self.last = taking.result() if failure is None else self._refused(failure)
            self._meter.child("pollux_config_reloads_total", "ok" if self.last.ok else "failed")(1)
            return self.last

    async def _take_over(self) -> Reloaded:
        """Errors: ConfigErrors; whatever a stage raises while it is built."""
        # Reading a large file takes longer than a request should wait.
        wanted = await asyncio.to_thread(self._read)
        pending = [name for name in changes(self._started, wanted) if needs_restart(name)]
        loaded = _held(wanted, self._started)
        changed = changes(self._loaded, loaded)
        if changed:
            self._adopt(self._build(loaded))
            self._loaded = loaded
        at = time.time()
        self._meter.child("pollux_config_last_success_timestamp_seconds")(at)
        if changed or pending != self.last.needs_restart:
            log.info("configuration reloaded", changed=changed, needs_restart=pending)
        return Reloaded(ok=True, at=at, changed=changed, needs_restart=pending)

    def _read(self) -> Loaded:
        loaded, _ = with_passwords(load(self._started.path, self._environ))
        return loaded

    def _refused(self, failure: BaseException) -> Reloaded:
        problems = [Problem(f"{type(failure).__name__}: {failure}", file=str(self._path()))]
        if isinstance(failure, ConfigErrors):
            problems = failure.problems
        log.error("configuration not reloaded, the one before stays", problems=[str(each) for each in problems])
        return Reloaded(ok=False, at=time.time(), problems=problems, needs_restart=self.last.needs_restart)

    def _path(self) -> Path:
        return self._started.path or Path(FILE)

    async def _watch(self) -> None:
        seen = self._taken
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._wanted.wait()
            stamp = _stamp(self._path())
            rested, seen = stamp == seen, stamp
            # A file that is gone is about to be replaced, or its loss is no wish.
            changed = rested and stamp is not None and stamp != self._taken
            if self._wanted.is_set() or changed:
                self._wanted.clear()
                await self._reload()


def changes(before: Loaded, after: Loaded) -> list[str]:
    """Return the settings that differ, and the lists of tables: `pipeline`, `route`, `error`, `limit`, `model`."""
    old, new = _leaves(before.settings), _leaves(after.settings)
    lists = [
        ("pipeline", before.pipelines, after.pipelines),
        ("route", before.routes, after.routes),
        *((name, getattr(before.tables, f"{name}s"), getattr(after.tables, f"{name}s")) for name in tables.NAMES),
    ]
    changed = [name for name in new if new[name] != old[name]]
    return [*changed, *(name for name, one, other in lists if one != other)]


def needs_restart(name: str) -> bool:
    """Whether a setting holds for the life of the process."""
    return name == _LIMIT or any(name == each or name.startswith(f"{each}.") for each in NEEDS_RESTART)


def _leaves(section: Section, above: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in msgspec.structs.asdict(section).items():
        if isinstance(value, Section):
            leaves |= _leaves(value, f"{above}{name}.")
        else:
            leaves[above + name] = value
    return leaves


def _held(wanted: Loaded, started: Loaded) -> Loaded:
    """Return a configuration with the settings that hold for the life of the process as they were at its start."""
    settings = wanted.settings
    for name in NEEDS_RESTART:
        settings = _with(settings, started.settings, name.split("."))
    return replace(wanted, settings=settings, tables=replace(wanted.tables, limits=started.tables.limits))


def _with(section: S, other: S, path: list[str]) -> S:
    name, *rest = path
    value = getattr(other, name)
    return replace(section, **{name: _with(getattr(section, name), value, rest) if rest else value})


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
