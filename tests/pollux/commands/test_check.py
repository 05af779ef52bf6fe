"""`pollux check`: what it says and how it exits, as a person, a program and a pull request see it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pollux.cli import main

ROOT = Path(__file__).resolve().parents[3]
BAD = '[server]\nport = "x"\n\n[[pipeline]]\nstage = "credentials"\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_log_file_that_is_a_directory_is_an_error(tmp_path: Path) -> None:
    result = check("--env", LOG_FILE=str(tmp_path), PORT="0")
    assert result.exit_code == 78
    assert f"LOG_FILE: {tmp_path}: is a directory" in result.output


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [("ANTI_TRUNCATION_MAX_ATTEMPTS", "0", "an answer takes 1 at least"),
     ("RETRY_429_INTERVAL", "1s", "expected float, got str"),
     ("QUEUE_MAX_CONCURRENCY", "-1", "a queue has no negative numbers")],
)  # fmt: skip
def test_variable_that_a_stage_refuses_is_named_and_nothing_else_is_said(variable: str, value: str, wrong: str) -> None:
    result = check(**{variable: value})
    assert result.exit_code == 78
    assert result.output == f"environment: {variable}: {wrong}\n"


def check(*args: str, text: str | None = None, **environ: str) -> Result:
    if text is not None:
        Path("proxy.toml").write_text(text)
    return CliRunner().invoke(main, ["check", *args], env=environ, catch_exceptions=False)


def test_bad_configuration_is_78_with_every_error() -> None:
    result = check(text=BAD)
    assert result.exit_code == 78
    assert result.stdout.splitlines() == [
        "proxy.toml:2: server.port: expected int, got str",
        "proxy.toml:5: pipeline[0].stage: no stage named 'credentials'; did you mean 'credential'?",
    ]


def test_bad_configuration_is_told_to_programs_and_pull_requests() -> None:
    found = json.loads(check("--format", "json", text=BAD).stdout)
    assert [(each["line"], each["path"]) for each in found] == [(2, "server.port"), (5, "pipeline[0].stage")]
    github = check("--format", "github", text=BAD)
    assert github.exit_code == 78
    assert github.stdout.startswith("::error file=proxy.toml,line=2,col=1::server.port: expected int, got str\n")


def test_good_configuration_is_0_and_says_what_was_checked() -> None:
    result = check(text='[pipelines.chat]\nremove = ["usage"]\n')
    assert result.exit_code == 0
    assert result.stdout.startswith("proxy.toml: ok; pipelines: default (")
    assert check("--format", "json").stdout == "[]\n"


def test_warnings_alone_are_0() -> None:
    result = check(METADATA_SERVICE_URL="http://x")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == (
        "warning: environment: METADATA_SERVICE_URL: has no effect: no credential comes from the metadata service"
    )


def test_file_that_is_not_there_is_78() -> None:
    result = check("-c", "none.toml")
    assert (result.exit_code, result.stdout) == (78, "none.toml: No such file or directory\n")


def test_every_command_refuses_a_bad_configuration_alike() -> None:
    Path("proxy.toml").write_text(BAD)
    result = CliRunner().invoke(main, ["creds", "list"])
    assert result.exit_code == 78
    assert "proxy.toml:2: server.port: expected int, got str" in result.stderr


def test_env_finds_what_this_machine_lacks(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"""[server]
port = {port}
engine = "granian"
[storage]
credentials_dir = "file"
[logging]
file = "file/pollux.log"
"""
        result = check("--env", text=text)
    assert result.exit_code == 78
    assert [line.partition(": ")[2] for line in result.stdout.splitlines()][:3] == [
        "storage.credentials_dir: file: is not a directory",
        "logging.file: file: is not a directory",
        f"server.port: cannot listen on 127.0.0.1:{port}: Address already in use",
    ]


def test_env_reads_credentials_and_makes_nothing(tmp_path: Path) -> None:
    result = check("--env", PORT="0")
    assert result.exit_code == 0
    assert "storage.credentials_dir: no credential is in use" in result.stdout
    assert list(tmp_path.iterdir()) == []
    tmp_path.joinpath("creds").mkdir()
    tmp_path.joinpath("creds/broken.json").write_text("{")
    result = check("--env", PORT="0", GEMINI_API_KEYS="test-key-1,no key")
    assert result.exit_code == 78
    assert "environment: GEMINI_API_KEYS" in result.stdout
    assert "./creds: broken.json" in result.stdout


def test_env_refuses_a_state_that_is_no_database(tmp_path: Path) -> None:
    tmp_path.joinpath("data").mkdir()
    tmp_path.joinpath("data/state.db").write_text("not a database, but somebody's text")
    result = check("--env", PORT="0", GEMINI_API_KEYS="test-key-1")
    assert result.exit_code == 78
    assert "storage.data_dir: data/state.db" in result.stdout


def pollux(*args: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "pollux", *args], capture_output=True, check=False, text=True, env=environ
    )


def test_process_exits_with_78() -> None:
    Path("proxy.toml").write_text(BAD)
    assert pollux("check").returncode == 78
    alone = pollux()
    assert alone.returncode == 78
    assert "proxy.toml:2: server.port" in alone.stderr


def test_options_alone_are_those_of_serve() -> None:
    result = CliRunner().invoke(main, ["-c", "none.toml"])
    assert (result.exit_code, result.stderr) == (78, "none.toml: No such file or directory\n")


def test_misspelt_command_is_suggested() -> None:
    result = CliRunner().invoke(main, ["chekc"])
    assert result.exit_code == 2
    assert "no command 'chekc'; did you mean 'check'?" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, pollux.cli; print(*(set(sys.modules) & {'hypercorn', 'httpcore', 'msgspec', 'orjson', 'ssl'}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT)
    assert shown.stdout.split() == []
