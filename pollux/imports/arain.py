"""Arain119's Gemini-api-proxy: its SQLite database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports.findings import Known
from pollux.imports.plan import KeyItem, masked
from pollux.imports.su_kaka_documents import epoch

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.database import Database
    from pollux.imports.findings import Findings
    from pollux.spans import KeyPath

_OFF = "switched off in Gemini-api-proxy"
_PLACES: dict[str, KeyPath] = {
    "request_timeout": ("upstream", "timeouts", "first_byte"),
    "max_retries": ("stages", "credential", "attempts"),
    "include_thoughts": ("stages", "thinking", "include_thoughts"),
}
_STRATEGIES = {"adaptive": "adaptive", "least_used": "least-used", "round_robin": "rotation"}
_PER_MODEL = {"rpm": "single_api_rpm_limit", "tpm": "single_api_tpm_limit", "rpd": "single_api_rpd_limit"}

_COUNTED = {"calls": "total_requests", "ok": "successful_requests"}


def recognises(content: Content) -> bool:
    """Whether it has its tables."""
    database = content.database
    return database is not None and database.has("gemini_keys", "key", "source_type", "status")


def read(content: Content, findings: Findings) -> None:
    """Take keys and accounts that serve, users' keys, limits and settings."""
    database = content.database
    assert database is not None
    _take_credentials(database, content.name, findings)
    for row in database.rows("user_keys"):
        _take_user_key(row, content.name, findings)
    for row in database.rows("model_configs"):
        _take_model(row, content.name, findings)
    for row in database.rows("system_config"):
        _take_setting(str(row["config_key"]), str(row["config_value"]), content.name, findings)


def _take_credentials(database: Database, origin: str, findings: Findings) -> None:
    linked: dict[str, dict[str, Any]] = {}
    for row in database.rows("gemini_keys"):
        if row["source_type"] == "cli_oauth":
            about = _json(row.get("metadata"))
            linked[str(about.get("cli_account_id") or row["key"].rpartition("-")[2])] = about | {"on": row["status"]}
        else:
            usage = {ours: row.get(theirs) or 0 for ours, theirs in _COUNTED.items()}
            findings.api_key(row["key"], origin, Known(disabled="" if row["status"] else _OFF, usage=usage))
    for row in database.rows("cli_accounts"):
        about = linked.get(str(row["id"]), {})
        project = about.get("cloudaicompanion_project") or about.get("quota_project_id")
        document = _json(row["credentials"]) | ({"project_id": project} if project else {})
        on = row.get("status") and about.get("on", 1)
        known = Known(disabled="" if on else _OFF, email=row.get("account_email") or about.get("account_email") or "")
        name = f"cli-account-{row['id']}.json"
        findings.document(document, name, f"{origin}: {row.get('label') or row['id']}", known)


def _take_user_key(row: dict[str, Any], origin: str, findings: Findings) -> None:
    requests = _limit(row.get("rpd_limit"))
    findings.client_key(
        KeyItem(
            name=masked(row["key"]),
            origin=origin,
            secret=row["key"],
            description=str(row.get("name") or ""),
            created=epoch(row.get("created_at")),
            expires=epoch(row.get("valid_until")),
            enabled=bool(row.get("status", 1)),
            rpm=_limit(row.get("rpm_limit")),
            tpm=_limit(row.get("tpm_limit")),
            concurrency=_limit(row.get("max_concurrency")),
            fidelity="approximate" if requests else "exact",
            why=f"{requests} requests a day were allowed; quotas here count costs" if requests else "",
        )
    )


def _take_model(row: dict[str, Any], origin: str, findings: Findings) -> None:
    model = str(row["model_name"])
    limits = {ours: _limit(row.get(theirs)) for ours, theirs in _PER_MODEL.items() if _limit(row.get(theirs))}
    if limits:
        findings.row("limit", {"model": model, **limits}, f"limits of {model}", origin)
    shown, budget = row.get("display_name"), row.get("default_thinking_budget")
    said = {"display_name": shown} if shown and shown != model else {}
    if isinstance(budget, int) and budget >= 0:  # -1 leaves it to the model
        said["default_thinking"] = budget
    if said:
        findings.row("model", {"name": model, **said}, model, origin)


def _take_setting(key: str, value: str, origin: str, findings: Findings) -> None:
    if key == "load_balance_strategy" and value in _STRATEGIES:
        findings.setting(("scheduling", "strategy"), _STRATEGIES[value], key, origin)
    elif key in _PLACES:
        findings.setting(_PLACES[key], value, key, origin)
    else:
        findings.left(key, origin, "nothing here has this meaning")


def _limit(value: Any) -> int:
    """Return a limit; -1 is none there, 0 here."""
    return value if isinstance(value, int) and value > 0 else 0


def _json(text: Any) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
