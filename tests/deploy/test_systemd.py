"""The unit, as systemd reads it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pollux.problem import EX_CONFIG
from tests.deploy.assets import DEPLOY, ROOT, run

UNIT = (DEPLOY / "systemd/pollux.service").read_text(encoding="utf-8")


def setting(name: str) -> str:
    return next(line.partition("=")[2] for line in UNIT.splitlines() if line.startswith(f"{name}="))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    made = tmp_path / "pollux.service"
    made.write_text(UNIT.replace("/opt/pollux/bin/pollux", "/bin/true"), encoding="utf-8")
    return made


def test_unit_is_accepted_by_systemd(unit):
    said = run("systemd-analyze", "verify", unit)
    assert str(unit) not in said.stderr


def test_unit_is_hardened_by_systemds_own_measure(unit):
    run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)


def test_unit_does_not_restart_on_a_bad_configuration():
    assert setting("RestartPreventExitStatus") == str(EX_CONFIG)


def test_unit_waits_long_enough_for_running_answers():
    grace = tomllib.loads((ROOT / "proxy.toml").read_text(encoding="utf-8"))["server"]["grace"]
    assert int(setting("TimeoutStopSec")) > grace + 10
