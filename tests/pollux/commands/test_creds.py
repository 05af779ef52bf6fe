"""`pollux creds`: what goes in comes out, is told apart, and stays secret."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollux.cli import main
from tests.stores.names import key_in

ACCOUNT = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "refresh_token": "made-up-refresh",
    "project_id": "made-up-project",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("account.json").write_text(json.dumps(ACCOUNT))


def creds(*args: str, stdin: str = "", code: int = 0, **environ: str) -> Result:
    result = CliRunner().invoke(main, ["creds", *args], input=stdin, env=environ, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def listed() -> dict[str, Any]:
    return {each["credential"]: each for each in json.loads(creds("list", "--json").stdout)}


def test_add_takes_files_directories_archives_keys_and_standard_input(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.joinpath("one.json").write_text('{"api_key": "test-key-1"}')
    folder.joinpath(".hidden").write_text("{")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("two.json", '{"api_key": "test-key-2"}')
    tmp_path.joinpath("many.zip").write_bytes(archive.getvalue())
    result = creds("add", "account.json", "folder", "many.zip", "test-key-3", "-", stdin="test-key-4")
    lines = result.stdout.splitlines()
    assert lines[:3] == ["added account (code_assist)", "added one (gemini_api)", "added two (gemini_api)"]
    assert len(lines) == len(listed()) == 5
    assert "test-key" not in result.output
    assert tmp_path.joinpath("account.json").exists()


def test_add_twice_is_known_and_what_is_no_credential_is_refused() -> None:
    creds("add", "account.json")
    Path("bad.json").write_text('{"installed": {}}')
    result = creds("add", "account.json", "bad.json", "misspelt.json", code=1)
    assert result.stdout == "known account (code_assist)\n"
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        "refused bad.json",
        "refused misspelt.json",
    ]
    assert len(listed()) == 1


def test_add_tells_programs() -> None:
    result = creds("add", "account.json", "--json")
    assert json.loads(result.stdout) == [{"name": "account", "kind": "code_assist", "result": "added"}]


def test_list_shows_how_each_is_doing_and_no_secret() -> None:
    creds("add", "account.json")
    creds("disable", "account", "--reason", "on holiday")
    shown = creds("list", GEMINI_API_KEY="test-key-9").output
    assert "made-up-project" in shown
    assert "on holiday" in shown
    assert "GEMINI_API_KEY" in shown
    assert "made-up-refresh" not in shown
    assert "test-key-9" not in shown


def test_list_of_nothing_says_what_to_do() -> None:
    result = creds("list")
    assert result.stdout == ""
    assert result.stderr.startswith("No credentials yet: pollux creds add")


def test_disabled_credential_stays_so_until_it_is_enabled() -> None:
    creds("add", "account.json")
    assert creds("disable", "account").stdout == "disabled account\n"
    assert listed()["account"]["state"] == "disabled"
    assert creds("enable", "account").stdout == "enabled account\n"
    assert listed()["account"]["state"] == "ready"


def test_name_that_is_unknown_is_said_and_1() -> None:
    creds("add", "account.json")
    result = creds("disable", "account", "acount", code=1)
    assert result.stdout == "disabled account\n"
    assert result.stderr == "no credential named acount\n"


def test_remove_asks_first_and_takes_only_its_own_file(tmp_path: Path) -> None:
    creds("add", "account.json")
    creds("remove", "account", stdin="n\n", code=1)
    assert "account" in listed()
    assert "removed account" in creds("remove", "account", stdin="y\n").stdout
    assert listed() == {}
    assert tmp_path.joinpath("account.json").exists()


def test_remove_of_what_the_environment_holds_says_so() -> None:
    result = creds("remove", "--yes", key_in("GEMINI_API_KEY", "test-key-9"), code=1, GEMINI_API_KEY="test-key-9")
    assert "comes from the environment and must be removed there" in result.stderr


def test_export_is_what_add_reads(tmp_path: Path) -> None:
    creds("add", "account.json", "test-key-1")
    creds("export", "-o", "all.json")
    assert tmp_path.joinpath("all.json").stat().st_mode & 0o777 == 0o600
    assert ACCOUNT in json.loads(tmp_path.joinpath("all.json").read_text())
    assert creds("add", "all.json", CREDENTIALS_DIR="elsewhere").stdout.count("added") == 2
    assert json.loads(creds("export", "account").stdout) == [ACCOUNT]
    creds("export", "nobody", code=1)


def test_add_leaves_nothing_in_a_directory_unmentioned(tmp_path: Path) -> None:
    tmp_path.joinpath("folder", "inner").mkdir(parents=True)
    tmp_path.joinpath("folder", "inner", "one.json").write_text('{"api_key": "test-key-1"}')
    assert "refused folder/inner: a directory within a directory" in creds("add", "folder", code=1).stderr
    tmp_path.joinpath("none").mkdir()
    assert creds("add", "none", code=1).stderr == "refused none: it is empty\n"


def test_export_to_where_nothing_can_be_written_says_so(tmp_path: Path) -> None:
    creds("add", "account.json")
    assert creds("export", "-o", "none/out.json", code=1).output == (
        "Error: cannot write none/out.json: No such file or directory\n"
    )
