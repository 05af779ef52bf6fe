"""`pollux import`: plan first, then do it once, and leave the source alone."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.exchange import Caller
from pipeline.keys import KeyRing, account_of
from pipeline.ports import Account
from pollux.cli import main
from pollux.commands.import_ import FROM
from pollux.config import load
from pollux.credentials import opened
from pollux.imports.gather import LAYOUTS
from tests.pollux.imports.rig import account, fingerprints

SECRET = "sk-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde"
CREDS = """
["one.json"]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
refresh_token = "made-up-refresh-1"
project_id = "project-1"
error_codes = [403]
disabled = true

["two.json"]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
refresh_token = "made-up-refresh-2"
project_id = "project-2"
error_codes = []
disabled = false
cooldown_until = {later}
"""
CONFIG = """
calls_per_rotation = 100
api_password = "made-up ${{password}} \\u007f"
anti_truncation_max_attempts = 5
retry_429_max_retries = 7
unheard_of = 1

[model_costs]
"gemini-2.5-pro" = 12
"""
KEYS = f'["{SECRET}"]\ntotal_quota = 1000\nused_quota = 120\ncreated_at = 1700000000.0\ndescription = "Alice"\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    old = tmp_path / "old"
    old.mkdir()
    old.joinpath("creds.toml").write_text(CREDS.format(later=time.time() + 3600))
    old.joinpath("config.toml").write_text(CONFIG.format())
    old.joinpath("api_keys.toml").write_text(KEYS)


def run(*args: str, stdin: str = "", code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(args), input=stdin, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def listed() -> dict[str, Any]:
    return {each["credential"]: each for each in json.loads(run("creds", "list", "--json").stdout)}


def test_dry_run_tells_everything_and_changes_nothing(tmp_path: Path) -> None:
    shown = run("import", "--dry-run", "../old", "--write-config", "new.toml").stdout
    assert shown.splitlines()[0] == "../old (gcli2api): 8 exact, 0 approximate, 1 unsupported"
    assert "  exact        credential  one (code_assist)  disabled" in shown
    assert "  exact        credential  two (code_assist)  resting" in shown
    assert "  exact        key         sk-AbCdEfG...cde  Alice  120 of 1000 used" in shown
    assert "  exact        cost        gemini-2.5-pro = 12" in shown
    assert '  exact        setting     auth.api_password = "***"' in shown
    assert "  unsupported  left        UNHEARD_OF: nothing here has this meaning" in shown
    assert "made-up-refresh" not in shown
    assert SECRET not in shown
    assert list(Path().iterdir()) == []


def test_import_asks_and_no_is_no() -> None:
    result = run("import", "gcli2api", "../old", stdin="n\n", code=1)
    assert "Import this?" in result.stderr
    assert list(Path().iterdir()) == []


def test_import_brings_credentials_as_they_were_doing(tmp_path: Path) -> None:
    before = fingerprints(tmp_path / "old")
    shown = run("import", "../old", stdin="y\n").stdout
    assert "4 added" in shown
    found = listed()
    assert (found["one"]["state"], found["one"]["reason"]) == ("disabled", "disabled in gcli2api")
    assert found["two"]["state"] == "cooling"
    assert fingerprints(tmp_path / "old") == before


def test_second_import_adds_nothing_and_undoes_nothing() -> None:
    run("import", "--yes", "../old")
    run("creds", "enable", "one")
    shown = run("import", "--yes", "../old").stdout
    assert "4 known" in shown
    assert "added" not in shown
    assert listed()["one"]["state"] == "ready"


def test_client_keys_keep_their_secret_quota_and_use() -> None:
    run("import", "--yes", "../old")

    async def kept() -> tuple[Caller | None, dict[str, Account]]:
        async with opened(load(None, {}), {}) as held:
            ring = KeyRing(held.state, {})
            await ring.load()
            return ring.caller(SECRET), await held.state.accounts("key/")

    caller, accounts = asyncio.run(kept())
    assert caller is not None
    assert caller.key is not None
    assert (caller.key.description, caller.key.total_quota, caller.key.mask) == ("Alice", 1000, "sk-AbCdEfG...cde")
    assert accounts == {account_of(caller.key.id, "total"): Account(spent=120, leased={})}


def test_settings_are_written_to_a_new_file_that_means_the_same(tmp_path: Path) -> None:
    run("import", "--yes", "../old", "--write-config", "new.toml")
    assert Path("new.toml").stat().st_mode & 0o777 == 0o600
    loaded = load("new.toml", {})
    assert loaded.settings.scheduling.calls_per_rotation == 100
    assert loaded.settings.auth.api_password == "made-up ${password} \x7f"
    options = {config.name: config for config in loaded.pipelines["default"]}
    assert options["anti-truncation"].attempts == 5  # type: ignore[attr-defined]
    assert options["credential"].attempts == 8  # type: ignore[attr-defined]
    defaults = load(None, {}).pipelines["default"]
    assert [each.name for each in loaded.pipelines["default"]] == [each.name for each in defaults]
    again = run("import", "--yes", "../old", "--write-config", "new.toml", code=2)
    assert "is not written over" in again.stderr


def test_settings_that_cannot_be_written_take_nothing_over() -> None:
    failed = run("import", "--yes", "../old", "--write-config", "none/new.toml", code=1)
    assert "none/new.toml: No such file or directory" in failed.stderr
    assert listed() == {}


def test_one_project_of_several_is_disabled_alone(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for project in ("p-1", "p-2"):
        many.joinpath(f"{project}.json").write_text(json.dumps(account(1, project_id=project)))
    many.joinpath("creds_state.toml").write_text('["p-2.json"]\nerror_codes = [403]\ndisabled = true\n')
    run("import", "--yes", "../many")
    units = json.loads(run("creds", "list", "--json").stdout)
    assert {each["project"]: each["state"] for each in units} == {"p-1": "ready", "p-2": "disabled"}


def test_programs_get_one_document() -> None:
    document = json.loads(run("import", "--json", "--yes", "../old").stdout)
    assert {each["result"] for each in document["outcomes"]} == {"added"}
    assert {each["kind"] for each in document["items"]} == {"credential", "key", "cost", "setting", "left"}
    assert "--json cannot ask" in run("import", "--json", "../old", code=2).stderr


def test_what_cannot_be_read_is_said() -> None:
    assert "no such file or directory" in run("import", "nowhere", code=1).stderr
    assert "did you mean 'litellm'?" in run("import", "litelm", "../old", code=2).stderr
    assert "an import reads from" in run("import", "mysql://h/db", code=1).stderr
    Path("empty").mkdir()
    assert "nothing that is known is in it" in run("import", "empty", code=1).stderr


def test_layout_that_is_named_reads_nothing_else() -> None:
    assert "nothing that is known is in it" in run("import", "litellm", "../old", code=1).stderr


def test_names_are_those_of_the_layouts() -> None:
    assert set(FROM) == set(LAYOUTS)
