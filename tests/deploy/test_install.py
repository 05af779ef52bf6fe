"""The installers, run with a package that needs nothing."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.deploy.assets import DEPLOY, run, tool

SCRIPT = DEPLOY / "install/install.sh"

STUB = {
    "pollux_stub.py": "def main():\n    print('pollux, version 0.0')\n",
    "pollux-0.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "pollux-0.0.dist-info/entry_points.txt": "[console_scripts]\npollux = pollux_stub:main\n",
    "pollux-0.0.dist-info/RECORD": "",
}
"""A package of that name, so that nothing is fetched."""


def wheel(folder: Path, needs: str = "") -> str:
    path = folder / "pollux-0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pollux-0.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: pollux\nVersion: 0.0\n{needs}")
        for name, text in STUB.items():
            archive.writestr(name, text)
    return str(path)


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    home = tmp_path / "user"
    place = {"POLLUX_HOME": str(home / "share"), "POLLUX_BIN": str(home / "bin")}
    return {**os.environ, "HOME": str(home), "PIP_NO_INDEX": "1", **place}


def installed(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(SCRIPT), *arguments], env=environ, check=False, capture_output=True, text=True)


def test_script_is_accepted_by_shellcheck():
    run("shellcheck", SCRIPT)


def test_script_installs_what_it_is_told_and_links_the_command(environ, tmp_path):
    done = installed(environ, wheel(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    linked = Path(environ["POLLUX_BIN"]) / "pollux"
    said = subprocess.run([str(linked)], capture_output=True, text=True, check=True).stdout
    assert said == "pollux, version 0.0\n"
    assert "pollux, version 0.0 is installed" in done.stdout
    assert f"{linked} demo" in done.stdout


def test_script_on_termux_takes_cryptography_from_there_and_leaves_uvloop_out(environ, tmp_path):
    prefix = tmp_path / "com.termux/usr"
    (prefix / "bin").mkdir(parents=True)
    asked = tmp_path / "asked"
    program = prefix / "bin/pkg"
    program.write_text(f'#!/bin/sh\necho "$@" >>{asked}\n', encoding="utf-8")
    program.chmod(0o755)
    source = wheel(tmp_path, "Requires-Dist: uvloop>=0.23; sys_platform != 'win32'\nRequires-Dist: pip\n")
    done = installed({**environ, "PREFIX": str(prefix), "PATH": f"{prefix}/bin:{environ['PATH']}"}, source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "python-cryptography" in asked.read_text(encoding="utf-8")
    assert (prefix / "bin/pollux").is_symlink()
    assert (Path(environ["POLLUX_HOME"]) / "needs.txt").read_text(encoding="utf-8") == "pip\n"


def test_script_without_a_source_and_outside_of_a_checkout_says_what_it_wants(environ, tmp_path):
    lonely = tmp_path / "a/b/install.sh"
    lonely.parent.mkdir(parents=True)
    lonely.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(["sh", str(lonely)], env=environ, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "say what to install" in done.stderr


def test_script_without_a_python_says_how_to_get_one(environ, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "dirname", "id"):
        (programs / name).symlink_to(tool(name))
    done = installed({**environ, "PATH": str(programs)}, wheel(tmp_path))
    assert done.returncode == 1
    assert "no Python 3.11 or newer" in done.stderr


def test_script_for_windows_closes_what_it_opens():
    text = (DEPLOY / "install/install.ps1").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for opening, closing in ("{}", "()", "[]"):
        assert code.count(opening) == code.count(closing)
    assert code.count("'") % 2 == 0
    assert text.isascii()  # Windows PowerShell 5 reads a file without a mark as the local code page
