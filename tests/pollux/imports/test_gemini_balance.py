"""gemini-balance: environment file, settings table, dump of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pollux.imports.rig import database, left, planned, settings

if TYPE_CHECKING:
    from pathlib import Path

    from pollux.imports.plan import ImportPlan

VALUES = {
    "API_KEYS": '["test-key-1","test-key-2"]',
    "ALLOWED_TOKENS": '["sk-made-up-token-of-a-friend-1"]',
    "AUTH_TOKEN": "sk-made-up-token-of-the-owner",
    "PAID_KEY": "test-key-1",
    "VERTEX_API_KEYS": '["test-vertex-key-1"]',
    "BASE_URL": "https://generativelanguage.googleapis.com/v1beta",
    "PROXIES": '["http://proxy-1.example:1","http://proxy-2.example:2"]',
    "MAX_RETRIES": "3",
    "TIME_OUT": "300",
    "LOG_LEVEL": "INFO",
    "STREAM_CHUNK_SIZE": "5",
    "CREATE_IMAGE_MODEL": 'it\'s "made" up',
}


def check(plan: ImportPlan) -> None:
    assert plan.layouts == ["gemini-balance"]
    assert [(each.credential.kind, each.credential.api_key) for each in plan.credentials] == [
        ("gemini_api", "test-key-1"),
        ("gemini_api", "test-key-2"),
        ("vertex_express", "test-vertex-key-1"),
    ]
    assert [each.secret for each in plan.keys] == ["sk-made-up-token-of-a-friend-1"]
    assert settings(plan) == {
        "auth.api_password": "sk-made-up-token-of-the-owner",
        "auth.panel_password": "sk-made-up-token-of-the-owner",
        "upstream.proxy": "http://proxy-1.example:1",
        "stages.credential.attempts": 3,
        "upstream.timeouts.first_byte": 300.0,
        "logging.level": "info",
    }
    assert list(left(plan)) == ["CREATE_IMAGE_MODEL"]


def test_environment_file_is_taken(tmp_path: Path) -> None:
    lines = [f"{key}={value}" for key, value in VALUES.items()]
    tmp_path.joinpath(".env").write_text("\n".join(["# made up", "DATABASE_TYPE=mysql", "MYSQL_USER=x", *lines]))
    check(planned(tmp_path))


def test_settings_table_is_taken_and_bans_of_keys(tmp_path: Path) -> None:
    rows = [{"id": number, "key": key, "value": VALUES[key], "description": ""} for number, key in enumerate(VALUES)]
    file = database(tmp_path / "default_db", {"t_settings": rows, "t_request_log": [{"id": 1, "api_key": "x"}]})
    check(planned(tmp_path))
    file.execute("CREATE TABLE t_api_keys (id, key_value, service, status)")
    file.execute("INSERT INTO t_api_keys VALUES (1, 'test-key-2', 'gemini', 'banned')")
    file.close()
    (one, two, _) = planned(tmp_path).credentials
    assert one.conditions == {}
    assert two.conditions[""].disabled == "banned in gemini-balance"


@pytest.mark.parametrize("columns", ["", " (`id`, `key`, `value`, `description`, `created_at`, `updated_at`)"])
def test_dump_is_taken(columns: str, tmp_path: Path) -> None:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"') + "'"

    rows = [
        f"({number},{quoted(key)},{quoted(value)},'(a), b','2025-11-20 12:00:00','2025-11-20 12:00:00')"
        for number, (key, value) in enumerate(VALUES.items(), 1)
    ]
    tmp_path.joinpath("dump.sql").write_text(
        f"-- MySQL dump 10.13\nDROP TABLE IF EXISTS `t_settings`;\nINSERT INTO `t_settings`{columns} VALUES "
        f"{','.join(rows)};\nINSERT INTO `t_stats` VALUES (1,'API_KEYS','[\"no\"]');\n"
    )
    check(planned(tmp_path / "dump.sql"))
