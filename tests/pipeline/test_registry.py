"""The registry: every stage by the one name it has everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import registry

FILES = sorted(path.stem for path in Path(registry.__file__).parent.joinpath("stages").glob("[a-z]*.py"))


@pytest.mark.parametrize("file", FILES)
def test_built_in_stage_is_named_as_its_file(file: str) -> None:
    config = registry.find(file.replace("_", "-"))
    assert config.name == file.replace("_", "-")
    assert config.__module__ == f"pipeline.stages.{file}"
    assert config.__doc__


def test_stage_misspelt_suggests_the_nearest() -> None:
    with pytest.raises(registry.UnknownStage) as caught:
        registry.find("credentials")
    assert str(caught.value) == "no stage named 'credentials'; did you mean 'credential'?"


def test_stage_unlike_any_suggests_nothing() -> None:
    with pytest.raises(registry.UnknownStage) as caught:
        registry.find("zzz")
    assert str(caught.value) == "no stage named 'zzz'"


OWN = """
from typing import ClassVar
from pipeline.stage import StageConfig

class Redact(StageConfig, frozen=True):
    name: ClassVar[str] = "redact"
    word: str = "secret"

class Nameless(StageConfig, frozen=True):
    pass

other = 1
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    tmp_path.joinpath("own_stages.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("own_stages", None)


def test_stage_by_module_and_class_is_that_class(own_module: Path) -> None:
    assert registry.find("own_stages:Redact").__struct_fields__ == ("word",)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("own_stages:Redakt", "no class 'Redakt' in 'own_stages'; did you mean 'Redact'?"),
        ("own_stages:other", "'own_stages:other' is not a stage: it does not derive from StageConfig"),
        (
            "own_stages:Nameless",
            "'own_stages:Nameless' has no name: say `name: ClassVar[str] = ...` in the class",
        ),
        (
            "no_such_module:X",
            "cannot import 'no_such_module:X': ModuleNotFoundError: No module named 'no_such_module'",
        ),
    ],
)
def test_reference_that_is_no_stage_says_why(own_module: Path, reference: str, message: str) -> None:
    with pytest.raises(registry.UnknownStage) as caught:
        registry.find(reference)
    assert str(caught.value) == message


def test_module_that_breaks_on_import_is_an_unknown_stage(own_module: Path) -> None:
    own_module.joinpath("broken_stages.py").write_text("1 / 0")
    with pytest.raises(registry.UnknownStage, match="ZeroDivisionError: division by zero"):
        registry.find("broken_stages:X")


def test_installed_package_offers_a_stage_by_entry_point(own_module: Path) -> None:
    info = own_module / "own_stages-1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: own-stages\nVersion: 1\n")
    info.joinpath("entry_points.txt").write_text("[pollux.stages]\nredact = own_stages:Redact\n")
    assert registry.find("redact").__name__ == "Redact"
    assert registry.names()[-1] == "redact"
