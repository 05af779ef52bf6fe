"""`pollux creds rekey`: credentials under a new key, and none under a wrong one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pollux.cli import main

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def creds(*args: str, code: int = 0, **environ: str) -> Result:
    result = CliRunner().invoke(main, ["creds", *args], env=environ, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_plain_credentials_are_sealed_and_move_to_a_new_key() -> None:
    creds("add", "test-key-1")
    (file,) = Path("creds").iterdir()
    assert "test-key-1" in file.read_text()
    assert creds("rekey", POLLUX_ENCRYPTION_KEY=OLD).stdout == "encrypted 1 anew\n"
    assert "test-key-1" not in file.read_text()
    assert "test-key-1" in creds("export", POLLUX_ENCRYPTION_KEY=OLD).stdout
    assert "is another one" in creds("rekey", POLLUX_ENCRYPTION_KEY=NEW, code=1).output
    moved = creds("rekey", POLLUX_ENCRYPTION_KEY=NEW, POLLUX_ENCRYPTION_KEY_OLD=OLD)
    assert moved.stdout == "encrypted 1 anew\n"
    assert "test-key-1" in creds("export", POLLUX_ENCRYPTION_KEY=NEW).stdout
    assert "is another one" in creds("list", POLLUX_ENCRYPTION_KEY=OLD, code=1).output
    assert "is not set" in creds("list", code=1).output


def test_without_a_key_nothing_is_done() -> None:
    assert "POLLUX_ENCRYPTION_KEY is not set" in creds("rekey", code=1).output
