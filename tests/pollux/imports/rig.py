"""Other programs' files, as those programs lay them out, and plans made from them."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

from pollux.imports.gather import gather

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pollux.imports.plan import ImportPlan

NOW = 1_763_640_000.0
LATER = NOW + 3600.0


def account(number: int, **fields: Any) -> dict[str, Any]:
    """A Google account as gcli2api keeps it."""
    return {
        "client_id": "made-up-client.apps.example",
        "client_secret": "made-up-secret",
        "token": f"made-up-access-{number}",
        "refresh_token": f"made-up-refresh-{number}",
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "token_uri": "https://oauth2.example/token",
        "project_id": f"project-{number}",
        "expiry": "2025-11-20T12:00:00+00:00",
    } | fields


def planned(path: Path | str, layout: str | None = None) -> ImportPlan:
    """Return what an import would do, at NOW."""
    return asyncio.run(gather(str(path), NOW, layout))


def settings(plan: ImportPlan) -> dict[str, Any]:
    """Return a plan's settings by their dotted path."""
    return {".".join(map(str, each.path)): each.value for each in plan.settings}


def left(plan: ImportPlan) -> dict[str, str]:
    """Return what stays behind, with why."""
    return {each.name: each.why for each in plan.left}


def database(path: Path, tables: Mapping[str, Iterable[dict[str, Any]]], *, wal: bool = False) -> sqlite3.Connection:
    """Make a SQLite file with these rows; with `wal` what they say is only in the log until it is closed."""
    connection = sqlite3.connect(path, isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    for table, rows in tables.items():
        for number, row in enumerate(rows):
            if number == 0:
                connection.execute(f"CREATE TABLE {table} ({', '.join(row)})")
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))
    return connection


def fingerprints(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what tells whether anything in a directory was touched."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}
