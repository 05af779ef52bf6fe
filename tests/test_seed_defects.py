"""What the systems that Pollux replaces got wrong has a test here, by its number: the table is `seed_defects.toml`."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct, field

TESTS = Path(__file__).parent
ROOMS = ("pipeline", "adapters", "stores", "pollux")


class Defect(Struct, frozen=True, forbid_unknown_fields=True):
    """One defect: what holds here instead and the tests that prove it, or why it cannot concern us."""

    promise: str = ""
    tests: list[str] = field(default_factory=list)
    not_ours: str = ""


DEFECTS = msgspec.convert(tomllib.loads((TESTS / "seed_defects.toml").read_text(encoding="utf-8")), dict[str, Defect])

THEMES = (
    *((23,), (24,), (25, 62), (59,), (27,), (28,), (40,), (37,), (47, 48), (33,), (15, 19, 30), (57,)),
    *((11, 41), (2,), (7,), (54,), (29,), (43,), (71,), (50,), (14,), (64,)),
)
"""The defects behind T1 to T22 of the same list; T23 is tests/pollux/imports, T24 the client libraries in tests/e2e."""


@cache
def functions(path: str) -> frozenset[str]:
    """The names of a file's functions; none where there is no such file."""
    file = TESTS / path
    if not file.exists():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def exists(test: str) -> bool:
    """Whether there is a test of that name."""
    path, _, name = test.partition("::")
    return name in functions(path)


def test_every_number_is_in_the_table() -> None:
    assert list(DEFECTS) == [str(number) for number in range(1, 74)]
    assert len(THEMES) == 22
    assert all(DEFECTS[str(number)].tests for numbers in THEMES for number in numbers)


@pytest.mark.parametrize("number", DEFECTS)
def test_defect_has_tests_that_exist_or_a_reason(number: str) -> None:
    defect = DEFECTS[number]
    assert bool(defect.not_ours) != bool(defect.promise and defect.tests)
    assert len(defect.promise.split()) <= 12
    assert not [test for test in defect.tests if not exists(test)]


def test_source_runs_no_text_as_code() -> None:
    """Seed #58: code that a model wrote ran with all the proxy's rights."""
    runs = {"eval", "exec", "compile", "__import__"}
    found = [
        f"{path.relative_to(TESTS.parent)}:{node.lineno}"
        for room in ROOMS
        for path in TESTS.parent.joinpath(room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in runs
    ]
    assert not found
