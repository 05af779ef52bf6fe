"""Finds out which program's files these are, and reads them into one plan."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pollux.imports import (
    advice,
    arain,
    boltrunner,
    cliproxyapi,
    credential_files,
    env_file,
    gemini_balance,
    litellm,
    su_kaka_mongo,
    su_kaka_postgres,
    su_kaka_redis,
    su_kaka_sqlite,
    su_kaka_toml,
)
from pollux.imports.content import Content, open_file, understand
from pollux.imports.findings import Findings
from pollux.imports.plan import ImportFailed
from stores.archive import is_archive, members
from stores.forms import FormError

if TYPE_CHECKING:
    from pollux.imports.plan import ImportPlan

LAYOUTS: dict[str, tuple[ModuleType, ...]] = {
    "boltrunner": (boltrunner,),
    "arain": (arain,),
    "gemini-balance": (gemini_balance,),
    "cliproxyapi": (cliproxyapi,),
    "litellm": (litellm,),
    "gcli2api": (su_kaka_sqlite, su_kaka_toml, env_file),
    "credentials": (),
}
"""The programs, and their layouts: the first that recognises a file reads it. Credential files are everybody's."""

_STORES = (
    (su_kaka_redis, "redis", "redis"),
    (su_kaka_postgres, "asyncpg", "postgres"),
    (su_kaka_mongo, "pymongo", "mongo"),
)
_DEPTH = 4
_MAX_FILES = 50_000
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "logs", "static"})
_ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a reader raises where a value is of another kind than its program writes."""
_BESIDE_DATABASES = ("-wal", "-shm", "-journal")

Progress = Callable[[int, int], None]


async def gather(source: str, now: float, layout: str | None = None, progress: Progress | None = None) -> ImportPlan:
    """Return what an import of a file, a directory, an archive or a store's URL would bring.

    Shape: `layout` is one of LAYOUTS, for all of them where it is not given; `progress` is told files read and found.
    Errors: ImportFailed when there is nothing to read.
    """
    if "://" in source:
        findings = Findings(_without_password(source), now)
        await _read_store(source, findings)
    else:
        findings = Findings(source, now)
        reading = _Reading(findings, layout, progress or _silent)
        await asyncio.to_thread(reading.read, source)
    plan = findings.complete()
    plan.steps = advice.steps(plan)
    return plan


class _Reading:
    """The reading of one source and of what it names."""

    def __init__(self, findings: Findings, layout: str | None, progress: Progress) -> None:
        self._findings = findings
        chosen = {layout: LAYOUTS[layout]} if layout else LAYOUTS
        self._layouts = chosen | {"credentials": (credential_files,)}
        self._progress = progress
        self._seen: set[Path] = set()

    def read(self, name: str) -> None:
        """Read a source and all that it names."""
        source = Path(name).expanduser()
        if not source.exists():
            raise ImportFailed(f"{source}: no such file or directory")
        self._findings.also(source)
        while self._findings.waiting:
            root = self._findings.waiting.pop(0)
            files = list(_files(root))
            for number, path in enumerate(files, 1):
                self._progress(number, len(files))
                if path.resolve() not in self._seen:
                    self._seen.add(path.resolve())
                    self._open(path, _shown(path, root), named=path == source)

    def _open(self, path: Path, name: str, *, named: bool) -> None:
        try:
            content = open_file(path, name, named=named)
        except ImportFailed as exc:
            if named:
                raise
            self._findings.left(name, name, str(exc))
            return
        try:
            self._offer(content)
        finally:
            if content.database is not None:
                content.database.close()

    def _offer(self, content: Content) -> None:
        if content.form == "binary" and is_archive(content.value):
            self._unpack(content)
            return
        for program, layouts in self._layouts.items():
            for layout in layouts:
                if layout.recognises(content):
                    self._recognised(program)
                    self._take(layout, content)
                    return
        self._findings.plan.skipped.append(content.name)

    def _take(self, layout: ModuleType, content: Content) -> None:
        try:
            layout.read(content, self._findings)
        except _ODD as exc:  # somebody's hand was in it: what was understood is taken, and the other files are
            why = f"it cannot be understood to its end ({type(exc).__name__}: {exc})"
            self._findings.left(content.name, content.name, why)

    def _unpack(self, archive: Content) -> None:
        try:
            for name, data in members(archive.value):
                if isinstance(data, FormError):
                    self._findings.left(name, archive.name, str(data))
                elif is_archive(data):
                    self._findings.left(name, archive.name, "an archive within an archive")
                else:
                    self._offer(understand(name, data))
        except FormError as exc:
            self._findings.left(archive.name, archive.name, str(exc))

    def _recognised(self, program: str) -> None:
        if program not in self._findings.plan.layouts:
            self._findings.plan.layouts.append(program)


async def _read_store(url: str, findings: Findings) -> None:
    scheme = urlsplit(url).scheme
    for layout, driver, extra in _STORES:
        if scheme in layout.SCHEMES:
            if importlib.util.find_spec(driver) is None:
                raise ImportFailed(f"{driver} is not installed: pip install 'pollux[{extra}]'")
            findings.plan.layouts.append("gcli2api")
            await layout.read(url, findings.plan.source, findings)
            return
    known = ", ".join(sorted(each for layout, _, _ in _STORES for each in layout.SCHEMES))
    raise ImportFailed(f"{scheme}://: an import reads from {known}")


def _files(root: Path) -> Iterator[Path]:
    """Yield the files of a directory, those of its directories too, as far as they may matter."""
    if root.is_file():
        yield root
        return
    directories, count = deque([(root, 0)]), 0
    while directories:
        directory, depth = directories.popleft()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as exc:
            raise ImportFailed(f"{directory}: {exc.strerror}") from exc
        for entry in entries:
            if _is_passed_over(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH:
                    directories.append((Path(entry.path), depth + 1))
            elif entry.is_file():
                count += 1
                if count > _MAX_FILES:
                    raise ImportFailed(f"{root} has more than {_MAX_FILES} files: name the directory that matters")
                yield Path(entry.path)


def _is_passed_over(name: str) -> bool:
    hidden = name.startswith(".") and name not in {".env", ".gemini"}
    return hidden or name in _PASSED_OVER or name.endswith(_BESIDE_DATABASES)


def _shown(path: Path, root: Path) -> str:
    return path.name if path == root else str(path.relative_to(root))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _silent(done: int, total: int) -> None:
    pass
