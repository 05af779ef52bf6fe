"""The documented stage of a user's own works as the page says, in as few lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.exchange import Exchange, Request
from pipeline.ports import Dialect, Ports
from pollux.config import Loaded, load
from pollux.problem import ConfigErrors

PAGE = Path(__file__).resolve().parents[1] / "docs/stages/your-own.md"
PYTHON, TOML, ENTRY_POINT = (match[1] for match in re.finditer(r"```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    tmp_path.joinpath("redact.py").write_text(PYTHON)
    yield
    sys.modules.pop("redact", None)


def configured(text: str) -> Loaded:
    Path("proxy.toml").write_text(text)
    return load(None, {})


def test_example_is_short() -> None:
    code = [line for line in PYTHON.splitlines() if line.strip() and '"""' not in line]
    assert len(code) <= 15


async def test_example_redacts_what_the_caller_asks() -> None:
    loaded = configured(TOML)
    name = loaded.pipeline("/v1/chat/completions", "any")
    config = next(each for each in loaded.pipelines[name] if each.name == "redact")
    run = config.build(cast("Ports", None))
    assert run is not None
    x = Exchange("id", Request("POST", "/", []), cast("Dialect", None), 0.0)
    x.payload = {"contents": [{"parts": [{"text": "I am Rumpelstiltskin."}, {"inlineData": {}}]}]}
    await run(x)
    parts: list[dict[str, Any]] = x.payload["contents"][0]["parts"]
    assert parts == [{"text": "I am [redacted]."}, {"inlineData": {}}]


def test_example_without_its_option_or_above_format_is_refused() -> None:
    with pytest.raises(ConfigErrors, match=r"proxy\.toml:2: pipelines\.careful\.insert\[0\]: 'word' is missing"):
        configured(TOML.replace(', word = "Rumpelstiltskin"', ""))
    with pytest.raises(ConfigErrors, match="'redact' needs 'payload', which no stage above it gives: move 'format'"):
        configured(TOML.replace("after =", "before ="))


def test_example_by_its_entry_point_needs_only_its_name(tmp_path: Path) -> None:
    info = tmp_path / "redact-1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: redact\nVersion: 1\n")
    group = ENTRY_POINT.replace('[project.entry-points."pollux.stages"]', "[pollux.stages]").replace('"', "")
    info.joinpath("entry_points.txt").write_text(group)
    loaded = configured(TOML.replace("redact:Redact", "redact"))
    assert [each.name for each in loaded.pipelines["careful"]].count("redact") == 1
