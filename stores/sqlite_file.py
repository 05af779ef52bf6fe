"""The SQLite file behind the embedded state: its schema and every statement, for one thread."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.ports import Account
from stores.account import granted
from stores.backend import Batch

VERSION = 2
_BUSY, _BUSY_POLL = 5.0, 0.02
_PRIMARY = 0xFF  # of a result code; the rest only says more
_DAY = 86400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (kind TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (kind TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
    amount INTEGER NOT NULL, PRIMARY KEY (kind, key, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, spent INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (account TEXT NOT NULL, holder TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (account, holder)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (kind TEXT NOT NULL, writer TEXT NOT NULL, number INTEGER NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (kind, writer)) WITHOUT ROWID;
"""
_LOAD = "SELECT key, document FROM state WHERE kind = ?"
_GET = "SELECT document FROM state WHERE kind = ? AND key = ?"
_PUT = "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document"
_DROP = "DELETE FROM state WHERE kind = ? AND key = ?"
_COUNTS = "SELECT key, name, amount FROM counter WHERE kind = ?"
_ADD = "INSERT INTO counter VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
_DISCOUNT = "DELETE FROM counter WHERE kind = ? AND key = ?"
_CHANGED = "INSERT INTO change VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number, at = excluded.at"
_CHANGES = "SELECT kind, writer, number FROM change WHERE writer != ?"
_FORGET_CHANGES = "DELETE FROM change WHERE at < ?"
_SPENT = "SELECT name, spent FROM account WHERE substr(name, 1, ?) = ?"
_LEASED = "SELECT account, holder, amount FROM lease WHERE substr(account, 1, ?) = ?"
_OPEN = "INSERT INTO account VALUES (?, 0) ON CONFLICT DO NOTHING"
_LEASE = "INSERT INTO lease VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
_SPEND = "UPDATE account SET spent = spent + ? WHERE name = ?"
_RETURN = "UPDATE lease SET amount = amount - ? WHERE account = ? AND holder = ?"
_CLAIM = """
INSERT INTO claim VALUES (:name, :holder, :until) ON CONFLICT DO UPDATE
    SET holder = excluded.holder, until = excluded.until
    WHERE holder = excluded.holder OR until <= :now OR (:seconds > 0 AND until > :now + :seconds)
"""


class SqliteFile:
    """An open database file, in WAL mode: what is committed survives a power cut.

    Shape: `writer` names this process among those that share the file.
    Errors: StoreError when the file is no database of ours, or cannot be opened; it is left as it is.
    """

    def __init__(self, path: Path, writer: str) -> None:
        self._path = path
        self._writer = writer
        self._written = 0
        self._database = _open(path)

    def close(self) -> None:
        self._database.close()

    def load(self, kind: str) -> dict[str, bytes]:
        return dict(self._all(_LOAD, kind))

    def get(self, kind: str, key: str) -> bytes | None:
        rows = self._all(_GET, kind, key)
        return rows[0][0] if rows else None

    def counts(self, kind: str) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for key, name, amount in self._all(_COUNTS, kind):
            found.setdefault(key, {})[name] = amount
        return found

    def write(self, batch: Batch) -> None:
        if batch.number == self._written:
            return  # whoever waited for it was cancelled, and it was written all the same
        removed = [place for place, document in batch.documents.items() if document is None]
        kept = [(*place, document) for place, document in batch.documents.items() if document is not None]
        added = [(*place, *each) for place, amounts in batch.counts.items() for each in amounts.items()]
        changed = [(kind, self._writer, batch.number, time.time()) for kind in batch.kinds()]
        with self._changing() as database:
            database.executemany(_DROP, removed)
            database.executemany(_PUT, kept)
            database.executemany(_DISCOUNT, batch.discounts)
            database.executemany(_ADD, added)
            database.executemany(_CHANGED, changed)
        self._written = batch.number

    def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        with self._changing() as database:
            grant = granted(self.accounts(account).get(account, Account()), amount, limit)
            if grant:
                database.execute(_OPEN, (account,))
                database.execute(_LEASE, (account, holder, grant))
        return grant

    def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        with self._changing() as database:
            database.execute(_OPEN, (account,))
            database.execute(_SPEND, (spent, account))
            database.execute(_RETURN, (spent + back, account, holder))
            database.execute("DELETE FROM lease WHERE account = ? AND amount <= 0", (account,))

    def accounts(self, prefix: str) -> dict[str, Account]:
        found = {name: Account(spent, {}) for name, spent in self._all(_SPENT, len(prefix), prefix)}
        for name, holder, amount in self._all(_LEASED, len(prefix), prefix):
            found[name].leased[holder] = amount
        return found

    def close_account(self, account: str) -> None:
        with self._changing() as database:
            database.execute("DELETE FROM account WHERE name = ?", (account,))
            database.execute("DELETE FROM lease WHERE account = ?", (account,))

    def claim(self, name: str, holder: str, seconds: float) -> bool:
        with self._changing() as database:
            now = time.time()  # of whoever has the lock, so that nobody's is before that of the claim it meets
            # What is claimed for longer than anybody may was claimed before the clock was set back.
            values = {"name": name, "holder": holder, "until": now + seconds, "now": now, "seconds": seconds}
            return database.execute(_CLAIM, values).rowcount > 0

    def _all(self, query: str, *values: object) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path} cannot be read: {exc}") from exc

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database:  # commits, or rolls back on an error
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path} cannot be written: {exc}") from exc


class Glance:
    """A look at what other processes changed, cheap enough to be taken all the time and on the event loop.

    Errors: StoreError when the file cannot be read just now.
    """

    def __init__(self, path: Path, writer: str) -> None:
        self._path = path
        self._writer = writer
        self._version = 0
        try:
            self._database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)
            # Workers that start together recover the file together; later looks are on the event loop and do not wait.
            self._database.execute("PRAGMA data_version").fetchone()
            self._database.execute("PRAGMA busy_timeout = 0")
        except sqlite3.Error as exc:
            raise StoreError(f"{path} cannot be read: {exc}") from exc

    def changes(self) -> dict[str, dict[str, int]] | None:
        """Return a number by kind and writer that each write changes; None when nobody wrote since the last look."""
        try:
            version = self._database.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return None
            rows = self._database.execute(_CHANGES, (self._writer,)).fetchall()
        except sqlite3.Error as exc:
            raise StoreError(f"{self._path} cannot be read: {exc}") from exc
        self._version = version
        found: dict[str, dict[str, int]] = {}
        for kind, writer, number in rows:
            found.setdefault(kind, {})[writer] = number
        return found

    def close(self) -> None:
        self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it take its mode
        database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)
    except (OSError, sqlite3.Error) as exc:
        raise StoreError(f"{path} cannot be opened: {exc}") from exc
    try:
        _prepared(database, path)
    except sqlite3.Error as exc:
        database.close()
        raise StoreError(f"{path} cannot be used, and is left as it is: {exc}") from exc
    except StoreError:
        database.close()
        raise
    return database


def _prepared(database: sqlite3.Connection, path: Path) -> None:
    """Prepare the file, patiently.

    Why: the way into WAL mode is locked without SQLite's own patience, and all workers take it in the same moment.
    """
    deadline = time.monotonic() + _BUSY
    while True:
        try:
            return _prepare(database, path)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_BUSY_POLL)


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
    database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    database.execute(_FORGET_CHANGES, (time.time() - _DAY,))
