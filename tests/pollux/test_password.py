"""The generated password: one, kept, and for its owner's eyes only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pollux.password import is_loopback, with_generated
from pollux.settings import Auth


def test_password_is_generated_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, path = with_generated(Auth(), tmp_path / "data")
    again, _ = with_generated(Auth(), tmp_path / "data")
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert first == again
    assert first.api_password == first.panel_password == path.read_text().strip()
    assert len(first.api_password) >= 32
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_password_that_is_set_stays_and_nothing_is_written(tmp_path: Path) -> None:
    auth = Auth(api_password="a", panel_password="b")
    assert with_generated(auth, tmp_path / "data") == (auth, None)
    assert not (tmp_path / "data").exists()


def test_only_the_missing_password_is_generated(tmp_path: Path) -> None:
    filled, _ = with_generated(Auth(api_password="a"), tmp_path)
    assert filled.api_password == "a"
    assert filled.panel_password not in ("", "a")


@pytest.mark.parametrize("left", ["", "\n"])
def test_empty_password_file_is_filled_for_it_would_let_anybody_in(tmp_path: Path, left: str) -> None:
    (tmp_path / "password").write_text(left)
    filled, path = with_generated(Auth(), tmp_path)
    assert path is not None
    assert len(filled.panel_password) >= 32
    assert path.read_text().strip() == filled.panel_password
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_processes_that_start_at_once_agree_on_one_password(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        words = {each.api_password for each, _ in threads.map(lambda _: with_generated(Auth(), tmp_path), range(16))}
    assert len(words) == 1


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("", False), ("192.168.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
