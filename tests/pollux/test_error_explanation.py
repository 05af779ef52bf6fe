"""What `pollux check --explain-error` says of an error body."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from adapters.simulator.fixtures import FIXTURES
from pollux.cli import main

OWN = """
[[error]]
status = [429]
quota_id = "PerMinute"
scope = "project_model"
action = "cool"
seconds = 5
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])


def explained(name: str, *arguments: str, config: str = "") -> list[str]:
    body = FIXTURES[name][1]
    Path("proxy.toml").write_text(config, encoding="utf-8")
    Path("body.json").write_bytes(body.encode() if isinstance(body, str) else orjson.dumps(body))
    result = CliRunner().invoke(main, ["check", "--explain-error", "body.json", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_row_and_what_follows_are_said() -> None:
    lines = explained("429-bare")
    assert lines[1].startswith("row     built-in row ")
    assert lines[1].endswith("status = [429]")
    assert lines[2:] == [
        "scope   unit_model: this credential and project, for this model",
        "action  cool: rests, and the next credential is tried",
        "until   nothing is said: 30 s at first (a model: 2 s), twice as long each time",
        "        only the first credential that one request meets it with",
        (
            "caller  gets 429 provider_rate_limit, where nothing else can serve:"
            " Resource has been exhausted (e.g. check quota)."
        ),
    ]


def test_own_row_is_named_by_file_and_line() -> None:
    lines = explained("429-per-minute", config=OWN)
    assert lines[1] == 'row     proxy.toml:2: error[0]: status = [429], quota_id = "PerMinute"'
    assert "until   5 s from now" in lines
    assert "learns  rpm = 5" in lines


def test_upstream_and_status_matter() -> None:
    assert explained("403", "--upstream", "code_assist")[2].startswith("scope   unit:")
    assert explained("403")[2].startswith("scope   unit_model:")
    assert explained("html-502", "--status", "502")[0] == "read    status 502"


def test_bad_configuration_is_said_first() -> None:
    Path("body.json").write_text("{}", encoding="utf-8")
    Path("proxy.toml").write_text("[[error]]\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "--explain-error", "body.json"])
    assert result.exit_code == 78
