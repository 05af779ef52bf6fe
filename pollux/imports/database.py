"""Another program's SQLite file, read without leaving a trace on it."""

import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from pollux.imports.plan import ImportFailed

HEADER = b"SQLite format 3\0"


class Database:
    """The tables of a SQLite file.

    Why: `immutable` keeps SQLite from making files beside it, but would also hide what still stands in its
    write-ahead log; where there is one, a copy is read.
    Errors: ImportFailed when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            self._copy = tempfile.TemporaryDirectory(prefix="pollux-import-")
            copied = Path(self._copy.name) / "copy.db"
            shutil.copyfile(path, copied)
            shutil.copyfile(log, f"{copied}-wal")
            uri = copied.as_uri()
        else:
            uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._name = path.name
        self._connection = sqlite3.connect(uri, uri=True)
        self._connection.row_factory = sqlite3.Row
        self.tables = {row["name"]: self._columns(row["name"]) for row in self._all(_TABLES)}

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is such a table with at least these columns."""
        return set(columns) <= self.tables.get(table, set())

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table; none when it is not there."""
        if table not in self.tables:
            return []
        return [dict(row) for row in self._all(f'SELECT * FROM "{table}"')]  # noqa: S608 a name from the file itself

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _columns(self, table: str) -> set[str]:
        return {row["name"] for row in self._all("SELECT name FROM pragma_table_info(?)", table)}

    def _all(self, query: str, *values: str) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as exc:
            raise ImportFailed(f"{self._name} cannot be read: {exc}") from exc


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
