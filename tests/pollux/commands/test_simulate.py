"""`pollux simulate`: what it says when it cannot begin."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from pollux.cli import main


@pytest.mark.parametrize("canned", [[], ["--canned"]])
def test_port_in_use_is_said(canned: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["simulate", "--port", str(port), *canned], catch_exceptions=False)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: cannot listen on 127.0.0.1:{port}: ")
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [("a.json", b"{", "truncated"), ("a.json", b'{"latency": "x"}', "$.latency"), ("a.toml", b"x", "after a key"),
     ("a.toml", b'latency = "x"', "$.latency"), ("a.toml", b"\xff", "utf-8")],
)  # fmt: skip
def test_scenario_that_is_none_is_said_with_its_fault(tmp_path: Path, name: str, text: bytes, wrong: str) -> None:
    file = tmp_path / name
    file.write_bytes(text)
    result = CliRunner().invoke(main, ["simulate", "--scenario", str(file)], catch_exceptions=False)
    assert result.exit_code == 2
    assert "Invalid value for --scenario" in result.output
    assert str(file) in result.output
    assert wrong in result.output
