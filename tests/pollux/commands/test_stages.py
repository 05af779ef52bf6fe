"""`pollux stages`: every stage and option can be read about without its source."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import registry
from pollux.cli import main


def stages(*args: str) -> str:
    result = CliRunner().invoke(main, ["stages", *args], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_list_has_every_stage_with_one_line() -> None:
    lines = stages().splitlines()
    assert [line.split()[0] for line in lines] == registry.names()
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_stage_is_explained_with_options_types_and_defaults() -> None:
    shown = stages("credential")
    assert shown.startswith("credential\n\nOffer leases")
    assert "Options\n  attempts: int = 4\n  pause: float = 1.0\n" in shown
    assert shown.endswith("Needs: model, operation\nGives: leases\n")


def test_stage_is_explained_to_programs() -> None:
    (shown,) = json.loads(stages("thoughts", "--json"))
    assert shown["options"] == [{"name": "show", "type": "bool", "default": True}]


def test_unknown_stage_is_suggested() -> None:
    result = CliRunner().invoke(main, ["stages", "credentials"])
    assert result.exit_code == 1
    assert result.stderr == "Error: no stage named 'credentials'; did you mean 'credential'?\n"


def test_stage_of_ones_own_is_explained_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("own_explained.py").write_text(
        "from pipeline.stage import StageConfig\n\n"
        "class Own(StageConfig, frozen=True):\n    '''Do it.'''\n    name = 'own'\n    word: str\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert "word: str (required)" in stages("own_explained:Own")
