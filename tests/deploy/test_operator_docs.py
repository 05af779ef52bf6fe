"""What the pages for operators say of names, files and headings is true."""

from __future__ import annotations

import re

import pytest

from adapters.metric_table import METRICS
from adapters.outcome import OTHER
from pipeline.errors import ERROR_TYPES
from pollux.environment import NO_EFFECT, VARIABLES
from tests.deploy.assets import DEPLOY, ROOT, unknown_metrics

PAGES = [*(ROOT / "docs" / f"{name}.md" for name in ("operating", "scaling", "security")), ROOT / "README.zh-CN.md"]
VARIABLE = re.compile(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`")
BESIDE_SETTINGS = {
    *("GEMINI_API_KEYS", "GEMINI_API_KEY", "GOOGLE_CREDENTIALS", "POLLUX_ENCRYPTION_KEY", "POLLUX_ENCRYPTION_KEY_OLD"),
    "POLLUX_CONFIG",
}

per_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@per_page
def test_links_lead_to_files_and_headings_that_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        led_to = (page.parent / path).resolve() if path else page
        assert led_to.exists(), target
        assert not anchor or anchor in anchors(led_to.read_text(encoding="utf-8")), target


@per_page
def test_variables_are_ones_that_have_an_effect(page):
    known = {name for variable in VARIABLES for name in variable.names} | BESIDE_SETTINGS
    assert set(VARIABLE.findall(page.read_text(encoding="utf-8"))) <= known - NO_EFFECT.keys()


@per_page
def test_metrics_are_ones_that_exist(page):
    assert METRICS
    assert not unknown_metrics(page.read_text(encoding="utf-8"))


def test_operating_explains_every_error_type_and_no_other():
    text = (
        (ROOT / "docs/operating.md").read_text(encoding="utf-8").partition("### By error_type")[2].partition("\n## ")[0]
    )
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == ERROR_TYPES | {OTHER}


def test_operating_explains_every_alert_and_no_other():
    rules = (DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8")
    headings = re.findall(r"^### (Pollux\w+)$", (ROOT / "docs/operating.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == re.findall(r"- alert: (\w+)", rules)


def test_chinese_readme_has_the_parts_and_the_commands_of_the_english_one():
    english, chinese = (ROOT.joinpath(name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    for shape in (r"^(#+) ", r"^( {4}\S*)", r"^\| (`[^|]+) \|", r"(\]\((?!README)[^)]+\))"):
        assert sorted(re.findall(shape, chinese, re.MULTILINE)) == sorted(re.findall(shape, english, re.MULTILINE)), (
            shape
        )
