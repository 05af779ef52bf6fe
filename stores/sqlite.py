"""State in one SQLite file, written behind by a thread of its own; several processes may share the file."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from pipeline.errors import StoreError
from pipeline.exchange import Chunk

log = structlog.get_logger(__name__)

VERSION = 1
_BATCH = 0.02
"""Seconds that writes are gathered for: latest wins, so that a busy key costs one write."""
_RETRY = 1.0
_BUSY = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state
    (kind TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID
"""
_GET = "SELECT document FROM state WHERE kind = ? AND key = ?"
_PUT = "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document"
_DROP = "DELETE FROM state WHERE kind = ? AND key = ?"


class SqliteState:
    """State that outlives the process.

    Units: `interval` is seconds between looks at what other processes wrote.
    Errors: StoreError when the file is no database of ours, or cannot be opened; it is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str], interval: float = 0.25) -> None:
        self._path = Path(path)
        self._interval = interval
        self._database = _open(self._path)
        self._using = threading.Lock()
        self._pending: dict[tuple[str, str], bytes | None] = {}
        self._gate = threading.Lock()
        self._put = threading.Event()
        self._closing = False
        self._watcher: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._write_behind, name="state", daemon=True)
        self._thread.start()

    async def load(self, kind: str) -> dict[str, Chunk]:
        return await asyncio.to_thread(self._load, kind)

    async def get(self, kind: str, key: str) -> Chunk | None:
        return await asyncio.to_thread(self._get, kind, key)

    def put(self, kind: str, key: str, document: Chunk | None) -> None:
        encoded = None if document is None else msgspec.json.encode(document)
        with self._gate:
            self._pending[kind, key] = encoded
        self._put.set()

    async def flush(self) -> None:
        await asyncio.to_thread(self._flush)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call back soon after another process wrote."""
        self._watcher = asyncio.get_running_loop().create_task(self._watch(changed))

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        self._closing = True
        self._put.set()
        await asyncio.to_thread(self._thread.join)
        try:
            await self.flush()
        finally:
            self._database.close()

    async def _watch(self, changed: Callable[[], None]) -> None:
        seen = self._version()
        while True:
            await asyncio.sleep(self._interval)
            version = await asyncio.to_thread(self._version)
            if version != seen:
                seen = version
                changed()

    def _version(self) -> int:
        """Return a number that changes with every commit of another connection."""
        with self._using:
            return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def _load(self, kind: str) -> dict[str, Chunk]:
        self._flush()
        try:
            with self._using:
                rows = self._database.execute("SELECT key, document FROM state WHERE kind = ?", (kind,)).fetchall()
            return {key: msgspec.json.decode(document) for key, document in rows}
        except (sqlite3.Error, msgspec.DecodeError) as exc:
            raise StoreError(f"{self._path} cannot be read: {exc}") from exc

    def _get(self, kind: str, key: str) -> Chunk | None:
        with self._gate:
            if (kind, key) in self._pending:
                document = self._pending[kind, key]
                return None if document is None else msgspec.json.decode(document)
        try:
            with self._using:
                row = self._database.execute(_GET, (kind, key)).fetchone()
            return msgspec.json.decode(row[0]) if row else None
        except (sqlite3.Error, msgspec.DecodeError) as exc:
            raise StoreError(f"{self._path} cannot be read: {exc}") from exc

    def _write_behind(self) -> None:
        while not self._closing:
            self._put.wait()
            self._put.clear()
            time.sleep(_BATCH)
            try:
                self._flush()
            except StoreError as exc:
                log.warning("state not written, trying again", error=exc.message)
                time.sleep(_RETRY)
                self._put.set()

    def _flush(self) -> None:
        """Write what is pending; what cannot be written stays pending."""
        with self._using:
            with self._gate:
                batch, self._pending = self._pending, {}
            if not batch:
                return
            try:
                _commit(self._database, batch)
            except sqlite3.Error as exc:
                with self._gate:
                    self._pending = batch | self._pending
                raise StoreError(f"{self._path} cannot be written: {exc}") from exc


def _commit(database: sqlite3.Connection, batch: dict[tuple[str, str], bytes | None]) -> None:
    with database:  # commits, or rolls back on an error
        database.execute("BEGIN IMMEDIATE")
        database.executemany(_DROP, [key for key, document in batch.items() if document is None])
        database.executemany(_PUT, [(*key, document) for key, document in batch.items() if document is not None])


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it take its mode
        database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as exc:
        raise StoreError(f"{path} cannot be opened: {exc}") from exc
    try:
        _prepare(database, path)
    except sqlite3.Error as exc:
        database.close()
        raise StoreError(f"{path} cannot be used, and is left as it is: {exc}") from exc
    except StoreError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the schema in a new file; refuse one that is damaged or somebody else's."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if (tables and "state" not in tables) or version > VERSION:
        raise StoreError(f"{path} is another program's database, or a later version's.")
    fault = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise StoreError(f"{path} is damaged: {fault}")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")  # what is flushed survives a power cut
    database.execute(_SCHEMA)
    database.execute(f"PRAGMA user_version = {VERSION}")
