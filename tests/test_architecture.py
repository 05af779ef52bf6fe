"""The house rules of docs/architecture.md that a machine can check, one failure per file."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("pipeline", "adapters", "stores", "pollux")
TOP_LEVEL = {
    *(
        "pyproject.toml",
        "README.md",
        "README.zh-CN.md",
        "proxy.toml",
        "pipeline",
        "adapters",
        "stores",
        "tests",
        "benchmarks",
    ),
    *("pollux", "docs", "deploy", "Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(".ci", ".editorconfig", ".gitignore"),
}
PRUNED = {".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

# What each room may import of ours, and whether it may import a library of anybody's that we depend on.
MAY_IMPORT_OF_OURS = {
    "pipeline": {"pipeline"},
    "adapters": {"pipeline", "adapters"},
    "stores": {"pipeline", "stores"},
    "pollux": set(ROOMS),
}
PIPELINE_LIBRARIES = {"msgspec", "structlog"}
IMPORTED_AS = {"pyjwt": "jwt", "prometheus-client": "prometheus_client", "pyyaml": "yaml"}
BROUGHT_ALONG = {"cryptography", "socksio"}  # by pyjwt[crypto] and httpcore[socks]

MAX_FILE_LINES = 500
MEDIAN_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_BROAD_EXCEPTS = 8
NAMES_THAT_SAY_NOTHING = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)$")

# Written so that this file does not contain what it looks for.
MUST_NOT_APPEAR = {
    "an absolute path of somebody's machine": re.compile(r"(?<![\w.\-/])/(?:work|root|home|Users)/\w"),
    "the address of a package registry": re.compile(
        r"(?:registry\.npmjs|files\.pythonhosted|pypi\.python|deb\.debian)\.org|(?<!\w)pypi\.org"
    ),
    "what looks like a real Google secret": re.compile(
        r"GOCSPX[-][A-Za-z0-9_-]{20,}|AIza[0-9A-Za-z_-]{35}|\d{10,}-[a-z0-9]{20,}\.apps\.googleusercontent"
    ),
}


def project_files() -> list[Path]:
    """Every file that is, or would be, in the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found = [ROOT / name for name in names.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if PRUNED.isdisjoint(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


FILES = project_files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
SOURCE = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in ROOMS]
STAGES = [path for path in SOURCE if path.parent == ROOT / "pipeline/stages" and path.stem != "__init__"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def per_file(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=named)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a file imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = [*above, *filter(None, [node.module])]
            yield from ((node.lineno, ".".join([*source, alias.name])) for alias in node.names)


def libraries() -> set[str]:
    """The import names of what pyproject.toml says a running Pollux depends on, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [needs for extra, needs in project["optional-dependencies"].items() if extra != "dev"]
    needs = [*project["dependencies"], *(need for extra in extras for need in extra)]
    names = [re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in needs]
    return {IMPORTED_AS.get(name, name) for name in names} | BROUGHT_ALONG


LIBRARIES = libraries()


@per_file(SOURCE)
def test_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    allowed = MAY_IMPORT_OF_OURS[room] | (PIPELINE_LIBRARIES if room == "pipeline" else LIBRARIES)
    breaches = [
        f"line {line}: {name}"
        for line, name in imported(path)
        if name.partition(".")[0] not in allowed | sys.stdlib_module_names
    ]
    assert not breaches, f"{named(path)} may import {sorted(allowed)} and the standard library"


@per_file(SOURCE)
def test_stage_is_imported_by_nobody_outside_pipeline_and_pollux(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    stages = [f"line {line}: {name}" for line, name in imported(path) if name.startswith("pipeline.stages")]
    assert room in {"pipeline", "pollux"} or not stages


@per_file(PYTHON)
def test_file_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE_LINES


def test_median_file_is_a_page_or_two() -> None:
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE]
    assert statistics.median(lines or [0]) < MEDIAN_FILE_LINES


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@per_file(PYTHON)
def test_function_fits_on_a_screen(path: Path) -> None:
    long = {each.name: body_lines(each) for each in functions(path) if body_lines(each) > MAX_FUNCTION_LINES}
    assert not long


@per_file(PYTHON)
def test_name_says_what_it_is(path: Path) -> None:
    names = [path.stem, *(each.name for each in functions(path))]
    empty = [name for name in names if NAMES_THAT_SAY_NOTHING.search(name) or name.startswith("handle_")]
    assert not empty


@per_file(PYTHON)
def test_module_says_what_it_is_for(path: Path) -> None:
    module = parsed(path)
    documented = ast.get_docstring(module) is not None
    assert documented or not module.body, f"{named(path)} has no docstring"


def is_broad(clause: ast.ExceptHandler) -> bool:
    caught = clause.type.elts if isinstance(clause.type, ast.Tuple) else [clause.type]
    return any(
        each is None or (isinstance(each, ast.Name) and each.id in {"Exception", "BaseException"}) for each in caught
    )


def test_broad_except_clauses_are_few() -> None:
    broad = [
        f"{named(path)}:{node.lineno}"
        for path in PYTHON
        if not path.is_relative_to(ROOT / "tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert len(broad) <= MAX_BROAD_EXCEPTS, broad


@pytest.mark.parametrize("room", ROOMS)
def test_room_ships_its_types(room: str) -> None:
    assert (ROOT / room / "py.typed").exists()


def test_every_stage_has_a_page() -> None:
    pages = {path.stem.replace("-", "_") for path in FILES if path.parent == ROOT / "docs/stages"}
    assert not pages or {path.stem for path in STAGES} <= pages


def test_top_level_holds_only_the_rooms_of_the_house() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} <= TOP_LEVEL


@per_file(FILES)
def test_file_names_nothing_that_belongs_to_one_machine(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", errors="replace")
    found = {what: hit[0] for what, look in MUST_NOT_APPEAR.items() if (hit := look.search(text))}
    assert not found
