"""What gcli2api keeps, whatever it keeps it in: credentials with their state, settings, and client keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports.findings import Known
from pollux.imports.plan import ALL_MODELS, KeyItem, masked
from pollux.imports.settings import take_variables

if TYPE_CHECKING:
    from pollux.imports.findings import Findings

DISABLED = "disabled in gcli2api"
_STATE = frozenset(
    {
        *("error_codes", "error_messages", "disabled", "last_success", "cd_until", "cooldown_until"),
        *("call_timestamps", "model_cooldowns", "user_email", "preview", "tier", "rotation_order", "call_count"),
        *("gemini_2_5_pro_calls", "total_calls", "next_reset_time"),
        *("daily_limit_gemini_2_5_pro", "daily_limit_total"),
    }
)
"""Fields of a credential's state, which some versions keep among its own."""

# What exists only there: other products' upstreams, and what is a file of its own here.
_THEIRS = frozenset({"_credential_order", "model_costs", "http_timeout", "max_connections", "password"})


def take_credential(name: str, fields: Mapping[str, Any], origin: str, findings: Findings, state: Any = None) -> None:
    """Take a credential whose state stands beside it, or among its own fields."""
    document = {key: value for key, value in fields.items() if key not in _STATE}
    beside = state if isinstance(state, Mapping) else {}
    findings.document(document, name, origin, known({**fields, **beside}))


def known(state: Mapping[str, Any]) -> Known:
    """Return what a state says, in any version's spelling."""
    rests = {str(model): epoch(until) for model, until in _mapping(state.get("model_cooldowns")).items()}
    rests[ALL_MODELS] = max(epoch(state.get("cd_until")), epoch(state.get("cooldown_until")))
    messages = _mapping(state.get("error_messages")).values()
    return Known(
        disabled=DISABLED if state.get("disabled") in (True, 1) else "",
        rests={model: until for model, until in rests.items() if until},
        email=str(state.get("user_email") or ""),
        tier=str(state.get("tier") or ""),
        faults="\n".join(map(str, messages)),
    )


def take_config(config: Mapping[str, Any], origin: str, findings: Findings) -> None:
    """Take settings, by the names they have in lower case there."""
    costs = config.get("model_costs")
    findings.costs(costs if isinstance(costs, Mapping) else {}, origin)
    values = {key.upper(): value for key, value in config.items() if key not in _THEIRS}
    for specific in ("API_PASSWORD", "PANEL_PASSWORD"):
        if not values.get(specific) and config.get("password"):
            values[specific] = config["password"]
    for ours, theirs in (("AUTO_BAN", "AUTO_BAN_ENABLED"), ("COMPATIBILITY_MODE", "COMPATIBILITY_MODE_ENABLED")):
        if theirs in values:
            values[ours] = values.pop(theirs)
    values.pop("CREDENTIALS_DIR", None)  # where they are there, which is not where ours go
    take_variables(values, origin, findings)


def take_keys(keys: Mapping[str, Any], origin: str, findings: Findings) -> None:
    """Take client keys with their quotas."""
    for secret, entry in keys.items():
        total = _number(entry.get("total_quota")) if isinstance(entry, Mapping) else None
        if total is None:
            findings.left(masked(secret), origin, "no client key: it has no total_quota that is a number")
            continue
        findings.client_key(
            KeyItem(
                name=masked(secret),
                origin=origin,
                secret=secret,
                description=str(entry.get("description") or ""),
                created=epoch(entry.get("created_at")),
                total_quota=total,
                used=_number(entry.get("used_quota")) or 0,
            )
        )


def take_unified(held: Sequence[Mapping[str, Any]], origin: str, findings: Findings) -> None:
    """Take credentials, settings and client keys, as the shared stores of the versions of late 2025 hold them."""
    credentials, config, keys = held
    for name, entry in credentials.items():
        take_credential(name, _mapping(entry.get("credential")), name, findings, entry.get("state"))
    take_config(config, origin, findings)
    take_keys(keys, origin, findings)


def take_row(row: Mapping[str, Any], findings: Findings) -> None:
    """Take a credential from a row of the versions of 2026, in SQLite, PostgreSQL or MongoDB."""
    name = str(row.get("filename"))
    take_credential(name, _mapping(row.get("credential_data")), name, findings, row)


def leave_antigravity(count: int, origin: str, findings: Findings) -> None:
    """Say of credentials for another product that they stay."""
    if count:
        findings.left(f"{count} Antigravity credentials", origin, "Pollux does not speak to Antigravity")


def epoch(value: Any) -> float:
    """Return an instant as seconds; 0 where there is none. Source: both ISO 8601 (in UTC) and epochs are written."""
    try:
        if isinstance(value, str) and "-" in value:
            instant = datetime.fromisoformat(value)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
        return float(value or 0)
    except (ValueError, TypeError):
        return 0.0


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _mapping(value: Any) -> dict[str, Any]:
    """Return an object that may be written as JSON text."""
    if isinstance(value, str | bytes):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return {}
    return value if isinstance(value, dict) else {}
