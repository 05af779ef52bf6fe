"""A directory of credential files, picked up and dropped live."""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from pipeline.errors import StoreError
from pipeline.ports import Credential
from stores.forms import FormError, Problem, Reading, identity, rewrite, scan, to_document
from stores.sealing import Damaged, Sealer

log = structlog.get_logger(__name__)

_SUFFIXES = {".json", ".jsonl", ".txt", ".zip", ""}
_MAX_BYTES = 10 * 1024 * 1024
_MAX_LOAD = 1 / 20
"""The share of its time that watching may take, however many files there are."""

Stamp = tuple[int, int, int]


class _File(Struct):
    """A file as it was last read. Shape: `stamp` is its inode, size and time of change."""

    stamp: Stamp
    reading: Reading


class DirectoryStore:
    """Credentials as files, one or several in each; a file that cannot be read is reported and left alone.

    Shape: `path` is the directory; `sealer` encrypts what is written, and opens what is encrypted.
    Units: `interval` is seconds between looks at the directory.
    """

    def __init__(self, path: str | os.PathLike[str], interval: float = 1.0, sealer: Sealer | None = None) -> None:
        self.path = Path(path)
        self._sealer = sealer or Sealer(())
        self._interval = interval
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}
        self._homes: dict[str, str] = {}
        self._watchers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def load(self) -> list[Credential]:
        return await asyncio.to_thread(self._load)

    async def save(self, credential: Credential) -> None:
        await asyncio.to_thread(self._save, credential)

    async def add(self, credential: Credential) -> str:
        name = await asyncio.to_thread(self._add, credential)
        self._tell()
        return name

    async def remove(self, credential_id: str) -> bool:
        removed = await asyncio.to_thread(self._remove, credential_id)
        self._tell()
        return removed

    async def reseal(self) -> int:
        """Encrypt every file of credentials with the present key; return how many were not yet."""
        return await asyncio.to_thread(self._reseal)

    def problems(self) -> list[Problem]:
        """Return what was found in the directory that is no credential, and why."""
        return [problem for file in self._files.values() for problem in file.reading.problems]

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            try:
                changed = await asyncio.to_thread(self._has_changed)
            except StoreError as exc:
                log.warning("credentials directory cannot be read", error=exc.message)
                changed = False
            if changed:
                self._tell()
            await asyncio.sleep(max(self._interval, (time.monotonic() - began) / _MAX_LOAD))

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()

    def _has_changed(self) -> bool:
        with self._lock:
            return self._stamps() != {name: file.stamp for name, file in self._files.items()}

    def _load(self) -> list[Credential]:
        with self._lock:
            known = self._files
            # All or none: what cannot be read now must not take those away that serve on.
            self._files = {
                name: known[name] if name in known and known[name].stamp == stamp else self._read(name, stamp)
                for name, stamp in self._stamps().items()
            }
            return self._gather()

    def _gather(self) -> list[Credential]:
        """Collect what the files hold, each credential once: the first file by name counts."""
        self._homes = {}
        seen: set[tuple[str, ...]] = set()
        credentials = []
        for name, file in self._files.items():
            for credential in file.reading.credentials:
                if identity(credential) in seen:
                    continue
                if credential.id in self._homes:  # a.json and a.txt
                    self._rename(credential, file, name)
                seen.add(identity(credential))
                self._homes[credential.id] = name
                credentials.append(credential)
        return credentials

    def _rename(self, credential: Credential, file: _File, name: str) -> None:
        place = file.reading.places.pop(credential.id)
        credential.id = f"{credential.id}{Path(name).suffix or '.'}"
        file.reading.places[credential.id] = place

    def _stamps(self) -> dict[str, Stamp]:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.scandir(self.path) as entries:
                found = [(each.name, each.stat()) for each in entries if _is_ours(each)]
        except OSError as exc:
            raise StoreError(f"The credentials directory cannot be read: {exc}") from exc
        return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in sorted(found)}

    def _read(self, name: str, stamp: Stamp) -> _File:
        reading = Reading()
        if stamp[1] > _MAX_BYTES:
            reading.problems.append(Problem(name, f"it is larger than {_MAX_BYTES} bytes"))
        else:
            try:
                reading = scan(self._sealer.open((self.path / name).read_bytes()), name)
            except (OSError, Damaged) as exc:
                reading.problems.append(Problem(name, str(exc)))
        for problem in reading.problems:
            log.warning("not a credential", file=problem.entry, reason=problem.reason)
        return _File(stamp, reading)

    def _save(self, credential: Credential) -> None:
        with self._lock:
            name = self._homes.get(credential.id)
            if name is None:
                raise StoreError(f"{credential.id} is not in the credentials directory.")
            path, file = self.path / name, self._files[name]
            try:
                was_ours = _stamp(path) == file.stamp and any(each is credential for each in file.reading.credentials)
                before = self._sealer.open(path.read_bytes())
                after = rewrite(before, file.reading.places[credential.id], credential)
                if after != before:
                    _write(path, self._sealer.seal(after))
                    if was_ours:  # else somebody changed it meanwhile, and it is to be read anew
                        file.stamp = _stamp(path)
            except (OSError, FormError, Damaged) as exc:
                raise StoreError(f"{name} is left as it is: {exc}") from exc

    def _add(self, credential: Credential) -> str:
        known = {identity(each): each.id for each in self._load()}
        same = known.get(identity(credential))
        if same is not None:
            return same
        with self._lock:
            stem, number = credential.id, 1
            while (self.path / f"{stem}.json").exists():
                number += 1
                stem = f"{credential.id}-{number}"
            content = msgspec.json.format(msgspec.json.encode(to_document(credential)), indent=2) + b"\n"
            try:
                _write(self.path / f"{stem}.json", self._sealer.seal(content))
            except OSError as exc:
                raise StoreError(f"{stem}.json cannot be written: {exc}") from exc
        self._load()
        return stem

    def _remove(self, credential_id: str) -> bool:
        self._load()
        with self._lock:
            name = self._homes.get(credential_id)
            if name is None:
                return False
            if len(self._files[name].reading.credentials) > 1:
                raise StoreError(f"{name} holds other credentials too; take it out of there by hand.")
            try:
                (self.path / name).unlink()
            except OSError as exc:
                raise StoreError(f"{name} cannot be removed: {exc}") from exc
        self._load()
        return True

    def _reseal(self) -> int:
        self._load()
        resealed = 0
        with self._lock:
            for name in sorted(set(self._homes.values())):
                try:
                    content = (self.path / name).read_bytes()
                    if not self._sealer.is_current(content):
                        _write(self.path / name, self._sealer.seal(self._sealer.open(content)))
                        resealed += 1
                except (OSError, Damaged) as exc:
                    raise StoreError(f"{name} is left as it is: {exc}") from exc
        return resealed


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and Path(entry.name).suffix in _SUFFIXES and entry.is_file()


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once or not at all, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)  # mkstemp creates with 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
