"""`pollux keys`: a key is shown once, its limits are told, its mistakes are named."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollux.cli import main


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keys(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["keys", *args], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def document(*args: str) -> Any:
    return json.loads(keys(*args, "--json").stdout)


def test_key_is_shown_once_and_only_its_mask_afterwards() -> None:
    secret = keys("create", "--description", "张三").stdout.strip()
    (row,) = document("list")
    assert row["mask"] == f"{secret[:10]}...{secret[-3:]}"
    everything = keys("list").output + keys("list", "--json").output + keys("show", row["id"]).output
    assert secret not in everything
    assert "张三" in everything
    assert secret.encode() not in Path("data/state.db").read_bytes()


def test_limits_are_kept_and_changed_one_by_one() -> None:
    limits = ["--total", "1000", "--daily", "100", "--rpm", "5", "--tpm", "9000", "--concurrency", "2", "--model", "a*"]
    key = document("create", *limits)
    changed = document("update", key["id"], "--rpm", "0", "--disable", "--model", "b*", "--model", "c*")
    assert (changed["total_quota"], changed["rpm"], changed["enabled"]) == (1000, 0, False)
    assert changed["models"] == ["b*", "c*"]
    assert "disabled" in keys("list").stdout
    assert document("update", key["id"], "--enable")["enabled"]


@pytest.mark.parametrize(("given", "seconds"), [("90m", 5400), ("30d", 30 * 86400), ("2w", 14 * 86400)])
def test_expiry_may_be_a_duration(given: str, seconds: int) -> None:
    from datetime import datetime

    key = document("create", "--expires", given)
    assert abs(datetime.fromisoformat(key["expires"]).timestamp() - time.time() - seconds) < 60
    assert document("update", key["id"], "--expires", "never")["expires"] is None


def test_nonsense_is_refused_by_name() -> None:
    assert "neither a date" in keys("create", "--expires", "soon", code=2).stderr
    for passed in ("2020-01-01", "1999-12-31T23:59:00+01:00"):
        assert f"{passed} has passed" in keys("create", "--expires", passed, code=2).stderr
    assert "--rpm" in keys("create", "--rpm", "-1", code=2).stderr
    assert "no key unknown" in keys("show", "unknown", code=1).stderr
    assert "no key unknown" in keys("update", "unknown", code=1).stderr


def test_revoked_key_is_gone() -> None:
    key = document("create")
    result = keys("revoke", "--yes", key["mask"], "unknown", code=1)
    assert f"revoked {key['mask']}" in result.stdout
    assert "no key unknown" in result.stderr
    assert document("list") == []
