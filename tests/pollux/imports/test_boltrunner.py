"""boltrunner's gcli2api: configuration, credentials it names, projects it found."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.pollux.imports.rig import database, fingerprints, left, planned, settings

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
// made up
{
  host: "0.0.0.0", /* everywhere */
  "PORT": 8085,
  authKey: 'made-up "key"',
  geminiOauthCredsFiles: ["one/oauth_creds.json", "/secrets/two.json", "/secrets/gone.json",],
  projectIds: {"one/oauth_creds.json": ["p-1", "_auto"], "/secrets/two.json": []},
  requestMaxRetries: 2,
  requestBaseDelay: 1000,
  sqlitePath: "./data/state.db",
  maxConcurrentRequests: 64,
}
"""


def oauth(number: int) -> dict[str, Any]:
    """gemini-cli's own file."""
    return {
        "access_token": f"made-up-access-{number}",
        "refresh_token": f"made-up-refresh-{number}",
        "token_type": "Bearer",
        "expiry_date": 1763640000000,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    }


def installation(folder: Path) -> None:
    folder.joinpath("config.json").write_text(CONFIG)
    folder.joinpath("one").mkdir()
    folder.joinpath("one/oauth_creds.json").write_text(json.dumps(oauth(1)))
    folder.joinpath("two.json").write_text(json.dumps(oauth(2)))
    folder.joinpath("data").mkdir()
    key = sha256(b"gemini-cli-oauth::made-up-refresh-2").hexdigest()
    row = {
        "token_key": key,
        "provider": "gemini-cli-oauth",
        "client_id": "",
        "project_id": "found-2",
        "last_used_at": 1,
    }
    counter = {"provider": "gemini-cli-oauth", "client_id": "", "value": 4, "updated_at": 1}
    database(folder / "data/state.db", {"token_project": [row], "rr_counter": [counter]}).close()


def check(folder: Path, source: Path) -> None:
    plan = planned(source)
    assert "boltrunner" in plan.layouts
    found = {each.credential.id: each.credential for each in plan.credentials}
    assert found["one-oauth_creds"].projects == ["p-1", "_auto"]
    assert found["two"].projects == ["found-2"]
    assert found["two"].expires_at == 1763640000.0
    assert settings(plan) == {
        "server.host": "0.0.0.0",
        "server.port": 8085,
        "auth.api_password": 'made-up "key"',
        "stages.credential.attempts": 3,
    }
    assert set(left(plan)) == {"/secrets/gone.json", "requestbasedelay", "maxconcurrentrequests"}
    assert any("name no OAuth client" in step for step in plan.steps)


def test_configuration_brings_what_it_names(tmp_path: Path) -> None:
    installation(tmp_path)
    before = fingerprints(tmp_path)
    check(tmp_path, tmp_path / "config.json")
    assert fingerprints(tmp_path) == before


def test_directory_brings_the_same_and_nothing_twice(tmp_path: Path) -> None:
    installation(tmp_path)
    check(tmp_path, tmp_path)


def test_projects_of_a_credential_file_come_from_a_state_beside_it(tmp_path: Path) -> None:
    installation(tmp_path)
    tmp_path.joinpath("config.json").unlink()
    found = {each.credential.id: each.credential.projects for each in planned(tmp_path).credentials}
    assert found == {"one-oauth_creds": ["_auto"], "two": ["found-2"]}
