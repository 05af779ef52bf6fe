"""Arain119's Gemini-api-proxy: its database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pollux.config import load
from pollux.imports.settings import as_toml
from tests.pollux.imports.rig import account, database, left, planned, settings

if TYPE_CHECKING:
    from pathlib import Path


def gemini_key(number: int, key: str, source: str = "cli_api_key", **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "key": key,
        "source_type": source,
        "metadata": "{}",
        "status": 1,
        "health_status": "healthy",
        "breaker_status": "tripped",
        "total_requests": 9,
        "successful_requests": 7,
    } | fields


def user_key(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "key": f"sk-{'AbCdEf' * 8}{number}",
        "name": f"user {number}",
        "status": 1,
        "created_at": "2025-11-20 12:00:00",
        "tpm_limit": -1,
        "rpd_limit": -1,
        "rpm_limit": 60,
        "valid_until": None,
        "max_concurrency": -1,
    } | fields


GOOGLE_AUTH = {key: value for key, value in account(1).items() if key != "project_id"} | {
    "universe_domain": "googleapis.com",
    "scope": "openid",
}
LINK = json.dumps({"cli_account_id": 7, "account_email": "one@example.com", "cloudaicompanion_project": "companion-1"})
TABLES = {
    "gemini_keys": [
        gemini_key(1, "test-key-1"),
        gemini_key(2, "test-key-2", "api_key", status=0),
        gemini_key(3, "cli-account-7", "cli_oauth", metadata=LINK, status=0),
    ],
    "cli_accounts": [
        {
            "id": 7,
            "label": "first",
            "account_email": "",
            "credentials": json.dumps(GOOGLE_AUTH),
            "status": 1,
        },
    ],
    "user_keys": [user_key(1), user_key(2, rpd_limit=100, status=0, valid_until="2025-12-01T00:00:00")],
    "model_configs": [
        {
            "model_name": "gemini-2.5-pro",
            "single_api_rpm_limit": 5,
            "single_api_tpm_limit": 250000,
            "single_api_rpd_limit": 100,
            "display_name": "Pro",
            "default_thinking_budget": 1024,
        }
    ],
    "system_config": [
        {"config_key": "load_balance_strategy", "config_value": "round_robin"},
        {"config_key": "request_timeout", "config_value": "60"},
        {"config_key": "anti_detection_enabled", "config_value": "true"},
    ],
}


def test_keys_accounts_users_and_settings_are_taken(tmp_path: Path) -> None:
    database(tmp_path / "gemini_proxy.db", TABLES).close()
    plan = planned(tmp_path)
    assert plan.layouts == ["arain"]
    first, second, oauth = plan.credentials
    assert (first.credential.kind, first.credential.api_key, first.conditions) == ("gemini_api", "test-key-1", {})
    assert second.conditions[""].disabled == "switched off in Gemini-api-proxy"
    assert (oauth.credential.id, oauth.credential.projects) == ("cli-account-7", ["companion-1"])
    assert oauth.credential.email == "one@example.com"
    assert oauth.conditions["companion-1"].disabled
    one, two = plan.keys
    assert (one.description, one.rpm, one.tpm, one.expires, one.created) == ("user 1", 60, 0, 0.0, 1763640000.0)
    assert (two.enabled, two.expires, two.fidelity) == (False, 1764547200.0, "approximate")
    assert settings(plan) == {"scheduling.strategy": "rotation", "upstream.timeouts.first_byte": 60.0}
    assert [(each.table, each.values) for each in plan.rows] == [
        ("limit", {"model": "gemini-2.5-pro", "rpm": 5, "tpm": 250000, "rpd": 100}),
        ("model", {"name": "gemini-2.5-pro", "display_name": "Pro", "default_thinking": 1024}),
    ]
    assert first.usage == {"calls": 9, "ok": 7}
    assert set(left(plan)) == {"anti_detection_enabled"}


def test_limits_and_names_are_what_a_configuration_may_say(tmp_path: Path) -> None:
    database(tmp_path / "gemini_proxy.db", TABLES).close()
    plan = planned(tmp_path)
    tmp_path.joinpath("new.toml").write_text(as_toml(plan.settings, plan.rows))
    tables = load(tmp_path / "new.toml", {}).tables
    assert (tables.limits[0].model, tables.limits[0].rpd) == ("gemini-2.5-pro", 100)
    assert tables.thinking() == {"gemini-2.5-pro": 1024}


def test_no_secret_is_in_what_is_shown(tmp_path: Path) -> None:
    database(tmp_path / "gemini_proxy.db", TABLES).close()
    shown = " ".join(f"{each.name} {each.origin} {each.why}" for each in planned(tmp_path).items())
    assert "test-key" not in shown
    assert "made-up-refresh" not in shown
    assert "AbCdEfAbCdEf" not in shown
