"""The pages about stages say what the stages are: every option with its type and default, and examples that load."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT

from pipeline import registry
from pipeline.stage import StageConfig

PAGES = Path(__file__).resolve().parents[1] / "docs/stages"
BELOW = "below"
"""What a table says for a default that is too long for it; it then stands on the page in full."""

_ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \| (`[^`]*`|below) \| .+ \|$", re.MULTILINE)
_TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.fixture(params=registry.names())
def stage(request: pytest.FixtureRequest) -> type[StageConfig]:
    return registry.find(request.param)


def page(stage: type[StageConfig]) -> str:
    return PAGES.joinpath(f"{stage.name}.md").read_text(encoding="utf-8")


def options(stage: type[StageConfig]) -> dict[str, tuple[str, Any]]:
    """The type and default of each option, as written."""
    found = {}
    for each in msgspec.structs.fields(stage):
        default = each.default if each.default_factory is NODEFAULT else each.default_factory()
        kind = each.type.__name__ if isinstance(each.type, type) and "[" not in str(each.type) else str(each.type)
        found[each.name] = (kind, default)
    return found


def test_page_has_its_name_its_sentence_and_an_example_first(stage: type[StageConfig]) -> None:
    heading, _, sentence, *rest = page(stage).splitlines()
    assert heading == f"# {stage.name}"
    assert sentence.endswith(".")
    assert rest[1].startswith("```")


def test_page_tells_every_option_with_its_type_and_default(stage: type[StageConfig]) -> None:
    text = page(stage)
    assert "\n## Options\n" in text
    told = {name: (kind, default.strip("`")) for name, kind, default in _ROW.findall(text)}
    expected = {}
    for name, (kind, default) in options(stage).items():
        written = json.dumps(default)
        expected[name] = (kind, BELOW if len(written) > 80 else written)
        if len(written) > 80:
            assert in_full(text, name) == default
    assert told == expected
    assert bool(told) is ("\n## Options\n\nNone.\n" not in text)


def in_full(text: str, name: str) -> Any:
    """The value that an example gives an option by itself, or as a table of the pipeline's last stage."""
    for example in map(tomllib.loads, _TOML.findall(text)):
        pipeline = example.get("pipeline", {})
        found = example.get(name) or (pipeline.get(name) if isinstance(pipeline, dict) else None)
        if found:
            return found
    return None


def test_examples_load(stage: type[StageConfig]) -> None:
    examples = [tomllib.loads(text).get("pipeline") for text in _TOML.findall(page(stage))]
    tables = [table for example in examples if isinstance(example, list) for table in example]
    assert tables
    for table in tables:
        config = registry.find(table.pop("stage"))
        assert config is stage
        msgspec.convert(table, config)


def test_there_is_a_page_for_nothing_else() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*registry.names(), "your-own"}
