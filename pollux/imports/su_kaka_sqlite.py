"""gcli2api's credentials.db of 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pollux.imports import su_kaka_documents as documents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pollux.imports.content import Content
    from pollux.imports.findings import Findings


def recognises(content: Content) -> bool:
    """Whether it has that table."""
    database = content.database
    return database is not None and database.has("credentials", "filename", "credential_data")


def read(content: Content, findings: Findings) -> None:
    """Take credentials with their state, and settings."""
    database = content.database
    assert database is not None
    for row in database.rows("credentials"):
        documents.take_row(row, findings)
    documents.leave_antigravity(len(database.rows("antigravity_credentials")), content.name, findings)
    take_settings(database.rows("config"), content.name, findings)


def take_settings(rows: list[Mapping[str, Any]] | list[dict[str, Any]], origin: str, findings: Findings) -> None:
    """Take rows of (key, value), the value being JSON."""
    config = {}
    for row in rows:
        value = row["value"]
        try:
            config[str(row["key"])] = msgspec.json.decode(value) if isinstance(value, str | bytes) else value
        except msgspec.DecodeError:
            config[str(row["key"])] = value
    documents.take_config(config, origin, findings)
