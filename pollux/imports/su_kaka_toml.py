"""gcli2api's TOML files: creds.toml, creds_state.toml, config.toml and api_keys.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pollux.imports import su_kaka_documents as documents
from pollux.imports.settings import OURS

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings

_CONFIG = {name.lower() for name in OURS} | {"auto_ban_enabled", "_credential_order", "model_costs"}


def recognises(content: Content) -> bool:
    """Whether it is one of the four."""
    table = content.table("toml")
    return bool(table) and (any(map(_is_entry, table.values())) or _is_config(table))


def read(content: Content, findings: Findings) -> None:
    """Take credentials, states, client keys or settings, whichever each table is."""
    table = content.table("toml")
    if _is_config(table):
        documents.take_config(table, content.name, findings)
        return
    for name, entry in table.items():
        if not isinstance(entry, dict):
            findings.left(name, content.name, "neither a credential, a state nor a client key")
        elif "total_quota" in entry:
            documents.take_keys({name: entry}, content.name, findings)
        elif "refresh_token" in entry:
            documents.take_credential(name, entry, name, findings)
        else:
            findings.known(name, documents.known(entry))


def _is_entry(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    is_state = "error_codes" in value and bool({"disabled", "last_success"} & value.keys())
    return "refresh_token" in value or "total_quota" in value or is_state


def _is_config(table: dict[str, Any]) -> bool:
    """Its keys are flat and ours; a proxy.toml has sections instead."""
    return len(_CONFIG & table.keys()) >= min(2, len(table)) and not any(map(_is_entry, table.values()))
