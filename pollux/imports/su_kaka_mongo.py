"""gcli2api's MongoDB stores: one collection of documents in late 2025, one of credentials in 2026."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pollux.imports import su_kaka_documents as documents
from pollux.imports.plan import ImportFailed
from pollux.imports.su_kaka_sqlite import take_settings

if TYPE_CHECKING:
    from pollux.imports.findings import Findings

SCHEMES = frozenset({"mongodb", "mongodb+srv"})
DATABASE = "gcli2api"
"""The database where the URL names none."""
_UNIFIED = ("all_credentials", "config_data", "api_keys_data")
_PATIENCE_MS = 5000
_VERSION = re.compile(r"(?<=gemini-)(\d+)-(\d+)(?=-|$)")
"""A key must not hold a dot there, so that gemini-2.5-pro is written gemini-2-5-pro."""


async def read(url: str, origin: str, findings: Findings) -> None:
    """Take what either layout holds. Errors: ImportFailed."""
    from pymongo import AsyncMongoClient
    from pymongo.errors import PyMongoError

    try:
        client: Any = AsyncMongoClient(url, serverSelectionTimeoutMS=_PATIENCE_MS)
        async with client:
            await _read(client.get_default_database(DATABASE), origin, findings)
    except PyMongoError as exc:
        said = str(exc).partition(" (configured timeouts")[0]  # what follows is for drivers' authors
        raise ImportFailed(f"{origin} cannot be read: {said}") from exc


async def _read(database: Any, origin: str, findings: Findings) -> None:
    unified = {each["key"]: each.get("data") or {} for each in await _all(database["credentials_data"])}
    rows = await _all(database["credentials"])
    if not unified and not rows:
        raise ImportFailed(f"{origin} holds nothing of gcli2api's")
    if unified:
        documents.take_unified([unified.get(key) or {} for key in _UNIFIED], origin, findings)
    for row in rows:
        rests = row.get("model_cooldowns") or {}
        spelt = {_VERSION.sub(r"\1.\2", model): until for model, until in rests.items()}
        documents.take_row(row | {"model_cooldowns": spelt}, findings)
    documents.leave_antigravity(await database["antigravity_credentials"].count_documents({}), origin, findings)
    take_settings(await _all(database["config"]), origin, findings)


async def _all(collection: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await collection.find().to_list()
    return found
