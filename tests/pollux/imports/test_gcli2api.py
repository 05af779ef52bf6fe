"""gcli2api: its files, its TOML tables, its database."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.pollux.imports.rig import LATER, NOW, account, database, fingerprints, left, planned, settings

if TYPE_CHECKING:
    from pathlib import Path

CREDS_TOML = """
["project-1-1700000000.json"]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
access_token = "made-up-access-1"
refresh_token = "made-up-refresh-1"
project_id = "project-1"
expiry = "2025-11-20T12:00:00"
error_codes = [403]
disabled = true
last_success = 1763000000.5
user_email = "one@example.com"
call_timestamps = [1763000000.5]

["project-2-1700000000.json"]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
token = "made-up-access-2"
refresh_token = "made-up-refresh-2"
project_id = "project-2"
error_codes = []
disabled = false
cooldown_until = {later}
gemini_2_5_pro_calls = 3
total_calls = 5
next_reset_time = "2025-11-21T07:00:00+00:00"
"""

CONFIG_TOML = """
_credential_order = ["project-1-1700000000.json"]
calls_per_rotation = 100
retry_429_max_retries = 5
proxy = "socks5://made-up:secret@proxy.example:1080"
auto_ban = false
auto_ban_error_codes = [401, 403]
compatibility_mode = true
return_thoughts_to_frontend = false
anti_truncation_max_attempts = 4
password = "everyone"
panel_password = "panel"
oauth_callback_port = 8080

[model_costs]
"gemini-2.5-pro" = 12
"made-up-model" = 3
"""

API_KEYS_TOML = """
["sk-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde"]
total_quota = 1000
used_quota = 120
created_at = 1700000000.0
description = "Alice"

["sk-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_fghij".model_stats]
"gemini-2.5-flash" = 10
"""


def test_directory_of_late_2025_is_taken_whole(tmp_path: Path) -> None:
    tmp_path.joinpath("creds.toml").write_text(CREDS_TOML.format(later=LATER))
    tmp_path.joinpath("config.toml").write_text(CONFIG_TOML)
    tmp_path.joinpath("api_keys.toml").write_text(API_KEYS_TOML)
    before = fingerprints(tmp_path)
    plan = planned(tmp_path)
    assert plan.layouts == ["gcli2api"]
    one, two = plan.credentials
    assert (one.credential.id, one.credential.refresh_token, one.credential.email) == (
        "project-1-1700000000",
        "made-up-refresh-1",
        "one@example.com",
    )
    assert one.credential.access_token == "made-up-access-1"
    assert one.credential.expires_at == NOW
    assert {"error_codes", "disabled", "user_email"}.isdisjoint(one.credential.extra)
    assert one.conditions["project-1"].disabled == "disabled in gcli2api"
    assert two.conditions["project-2"].disabled == ""
    assert two.conditions["project-2"].rests == {"": LATER}
    assert settings(plan) == {
        "scheduling.calls_per_rotation": 100,
        "scheduling.auto_ban": False,
        "scheduling.auto_ban_codes": [401, 403],
        "stages.credential.attempts": 6,
        "upstream.proxy": "socks5://made-up:secret@proxy.example:1080",
        "stages.compatibility.system_to_user": True,
        "stages.thoughts.show": False,
        "stages.anti-truncation.attempts": 4,
        "auth.api_password": "everyone",
        "auth.panel_password": "panel",
    }
    assert left(plan)["OAUTH_CALLBACK_PORT"] == "nothing here has this meaning"
    assert {each.name: each.cost for each in plan.costs} == {"gemini-2.5-pro": 12, "made-up-model": 3}
    (key,) = plan.keys
    assert (key.name, key.total_quota, key.used, key.description) == ("sk-AbCdEfG...cde", 1000, 120, "Alice")
    assert fingerprints(tmp_path) == before


def test_states_of_august_2025_find_their_files_by_basename(tmp_path: Path) -> None:
    tmp_path.joinpath("a.json").write_text(json.dumps(account(1)))
    tmp_path.joinpath("b.json").write_text(json.dumps(account(2)))
    tmp_path.joinpath("creds_state.toml").write_text(
        '["/app/geminicli/creds/a.json"]\nerror_codes = [401]\ndisabled = true\nlast_success = ""\n'
        '["/app/geminicli/creds/b.json"]\nerror_codes = []\ndisabled = false\ncd_until = "2025-11-20T13:00:00"\n'
    )
    one, two = planned(tmp_path).credentials
    assert one.conditions["project-1"].disabled
    assert two.conditions["project-2"].rests == {"": LATER}


def test_rest_that_is_over_is_not_taken(tmp_path: Path) -> None:
    tmp_path.joinpath("creds.toml").write_text(CREDS_TOML.format(later=NOW - 1))
    assert planned(tmp_path).credentials[1].conditions == {}


def row(number: int, **fields: Any) -> dict[str, Any]:
    """A row of credentials.db."""
    return {
        "id": number,
        "filename": f"{number}.json",
        "credential_data": json.dumps(account(number)),
        "disabled": 0,
        "error_codes": "[]",
        "error_messages": "{}",
        "last_success": 1.0,
        "user_email": f"{number}@example.com",
        "model_cooldowns": "{}",
        "preview": 1,
        "tier": "",
        "rotation_order": number,
        "call_count": 7,
        "created_at": 1.0,
        "updated_at": 1.0,
    } | fields


DATABASE = {
    "credentials": [
        row(1, disabled=1),
        row(2, model_cooldowns=json.dumps({"gemini-2.5-pro": LATER, "gemini-2.5-flash": NOW - 1})),
        row(3, tier="FREE"),
        row(4, error_messages=json.dumps({"403": 'ineligibleTiers reasonCode "UNSUPPORTED_CLIENT"'})),
        row(5, user_email="five@gmail.com"),
    ],
    "antigravity_credentials": [{"filename": "x.json", "credential_data": "{}", "enable_credit": 0}],
    "config": [
        {"key": "api_password", "value": '"pwd"', "updated_at": 1.0},
        {"key": "anti_truncation_max_attempts", "value": "5", "updated_at": 1.0},
    ],
}


def test_database_of_2026_is_taken_with_its_states(tmp_path: Path) -> None:
    database(tmp_path / "credentials.db", DATABASE).close()
    plan = planned(tmp_path / "credentials.db")
    assert [each.credential.id for each in plan.credentials] == ["1", "2", "3", "4", "5"]
    assert plan.credentials[0].conditions["project-1"].disabled
    assert plan.credentials[1].conditions["project-2"].rests == {"gemini-2.5-pro": LATER}
    assert plan.credentials[1].credential.email == "2@example.com"
    assert left(plan) == {"1 Antigravity credentials": "Pollux does not speak to Antigravity"}
    assert settings(plan) == {"auth.api_password": "pwd", "stages.anti-truncation.attempts": 5}


def test_personal_accounts_are_flagged_by_tier_refusal_and_address_and_nothing_else_is(tmp_path: Path) -> None:
    database(tmp_path / "renamed.bin", DATABASE).close()
    plan = planned(tmp_path / "renamed.bin")
    assert [each.why for each in plan.credentials] == [
        "",
        "",
        "its tier was FREE",
        "Google last refused it as a personal account",
        "its address is a personal one",
    ]
    assert plan.steps[0].startswith("3 accounts look personal")
    assert any("everybody knows" in step for step in plan.steps)


def test_database_in_use_is_read_with_its_log_and_left_untouched(tmp_path: Path) -> None:
    held = database(tmp_path / "credentials.db", DATABASE, wal=True)
    before = fingerprints(tmp_path)
    assert len(planned(tmp_path).credentials) == 5
    assert fingerprints(tmp_path) == before
    held.close()


def test_damaged_database_is_said(tmp_path: Path) -> None:
    database(tmp_path / "credentials.db", DATABASE).close()
    whole = tmp_path.joinpath("credentials.db").read_bytes()
    tmp_path.joinpath("credentials.db").write_bytes(whole[:5000])
    tmp_path.joinpath("good.json").write_text(json.dumps(account(9)))
    plan = planned(tmp_path)
    assert [each.name for each in plan.credentials] == ["good"]
    assert "credentials.db" in left(plan)


def test_files_of_several_projects_of_one_account_are_one_credential(tmp_path: Path) -> None:
    for project in ("p-1", "p-2"):
        tmp_path.joinpath(f"{project}.json").write_text(json.dumps(account(1, project_id=project)))
    tmp_path.joinpath("env-again.json").write_text(json.dumps(account(1, project_id="p-2")))
    tmp_path.joinpath("creds_state.toml").write_text('["p-2.json"]\nerror_codes = [403]\ndisabled = true\n')
    plan = planned(tmp_path)
    (item,) = plan.credentials
    assert set(item.credential.projects) == {"p-1", "p-2"}
    assert list(item.conditions) == ["p-2"]
    assert plan.merged == 2


def test_archive_of_downloads_is_read_as_a_directory_is(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.json", json.dumps(account(1)))
        file.writestr("creds/config.toml", CONFIG_TOML)
        file.writestr("../evil.json", json.dumps(account(2)))
    tmp_path.joinpath("all.zip").write_bytes(archive.getvalue())
    plan = planned(tmp_path / "all.zip")
    assert [each.name for each in plan.credentials] == ["a"]
    assert settings(plan)["scheduling.calls_per_rotation"] == 100
    assert left(plan)["../evil.json"] == "its name leads out of the archive"


def test_environment_file_gives_settings_and_credentials(tmp_path: Path) -> None:
    packed = base64.b64encode(json.dumps(account(2)).encode()).decode()
    tmp_path.joinpath(".env").write_text(
        f"# made up\nexport API_PASSWORD='a b'\nPORT=9000 # the port\nGCLI_CREDS_1='{json.dumps(account(1))}'\n"
        f"GOOGLE_CREDENTIALS={packed}\nGEMINI_API_KEYS=test-key-1,test-key-2\nREDIS_URI=redis://h\nSOMETHING=else\n"
    )
    plan = planned(tmp_path)
    assert sorted(each.credential.kind for each in plan.credentials) == [
        *("code_assist", "code_assist", "gemini_api", "gemini_api")
    ]
    assert settings(plan) == {"auth.api_password": "a b", "server.port": 9000, "storage.url": "redis://h"}
    assert list(left(plan)) == ["SOMETHING"]


def test_only_what_was_asked_for_is_taken_as_bare_text(tmp_path: Path) -> None:
    tmp_path.joinpath("version.txt").write_text("1.2.3-made-up-version")
    tmp_path.joinpath("a.json").write_text(json.dumps(account(1)))
    plan = planned(tmp_path)
    assert [each.name for each in plan.credentials] == ["a"]
    assert plan.skipped == ["version.txt"]
    assert len(planned(tmp_path / "version.txt").credentials) == 1


@pytest.mark.parametrize("text", ["", "{", "\x00\x01", "a: [", "key = "])
def test_file_of_nothing_known_is_skipped(text: str, tmp_path: Path) -> None:
    tmp_path.joinpath("a.json").write_text(text)
    plan = planned(tmp_path)
    assert plan.skipped == ["a.json"]
    assert plan.layouts == []


def test_same_file_is_known_by_content_whatever_it_is_called(tmp_path: Path) -> None:
    tmp_path.joinpath("notes.md").write_text(CREDS_TOML.format(later=LATER))
    tmp_path.joinpath("old").write_bytes(sqlite_bytes())
    plan = planned(tmp_path)
    assert len(plan.credentials) == 7 - 2  # accounts 1 and 2 are in both
    assert plan.merged == 2


def sqlite_bytes() -> bytes:
    """Return credentials.db as bytes."""
    memory = sqlite3.connect(":memory:")
    memory.execute("CREATE TABLE credentials (filename, credential_data, disabled)")
    for each in DATABASE["credentials"]:
        values = (each["filename"], each["credential_data"], each["disabled"])
        memory.execute("INSERT INTO credentials VALUES (?, ?, ?)", values)
    memory.commit()
    data = memory.serialize()
    memory.close()
    return data
