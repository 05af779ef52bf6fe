"""gcli2api's PostgreSQL stores: one table of documents in late 2025, rows of credentials in 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports import su_kaka_documents as documents
from pollux.imports.plan import ImportFailed
from pollux.imports.su_kaka_sqlite import take_settings

if TYPE_CHECKING:
    from pollux.imports.findings import Findings

SCHEMES = frozenset({"postgres", "postgresql"})
_UNIFIED = ("all_credentials", "config_data", "api_keys_data")


async def read(url: str, origin: str, findings: Findings) -> None:
    """Take what either layout holds, in a transaction that can only read. Errors: ImportFailed."""
    import asyncpg

    try:
        connection = await asyncpg.connect(url, server_settings={"default_transaction_read_only": "on"})
    except (asyncpg.PostgresError, OSError, ValueError, TimeoutError) as exc:
        raise ImportFailed(f"{origin} cannot be reached: {exc}") from exc
    try:
        await _read(connection, origin, findings)
    except asyncpg.PostgresError as exc:
        raise ImportFailed(f"{origin} cannot be read: {exc}") from exc
    finally:
        await connection.close()


async def _read(connection: Any, origin: str, findings: Findings) -> None:
    found = False
    if await connection.fetchval("SELECT to_regclass('unified_storage')"):
        rows = await connection.fetch("SELECT key, data::text AS data FROM unified_storage")
        held = {row["key"]: msgspec.json.decode(row["data"]) for row in rows}
        documents.take_unified([held.get(key) or {} for key in _UNIFIED], origin, findings)
        found = True
    if await connection.fetchval("SELECT to_regclass('credentials')"):
        for row in await connection.fetch("SELECT * FROM credentials"):
            documents.take_row(dict(row), findings)
        found = True
    if await connection.fetchval("SELECT to_regclass('antigravity_credentials')"):
        count = await connection.fetchval("SELECT count(*) FROM antigravity_credentials")
        documents.leave_antigravity(count, origin, findings)
    if found and await connection.fetchval("SELECT to_regclass('config')"):
        rows = await connection.fetch("SELECT key, value FROM config")
        take_settings([dict(row) for row in rows], origin, findings)
    if not found:
        raise ImportFailed(f"{origin} holds nothing of gcli2api's")
