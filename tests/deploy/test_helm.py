"""Debian has no Helm: this checks what can be checked without it. `helm template` was run by hand."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from pollux import __version__
from tests.deploy.assets import DEPLOY, ROOT, read_yaml

CHART = DEPLOY / "helm/pollux"
TEMPLATES = sorted((CHART / "templates").iterdir())
VALUES = read_yaml(CHART / "values.yaml")

ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
OPENS = ("if ", "with ", "range ", "define ")


def actions(text: str) -> list[str]:
    return ACTION.findall(text)


def value(path: str) -> Any:
    """The default at a dotted path. Errors: KeyError."""
    found = VALUES
    for key in path.split("."):
        found = found[key]
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_closes_what_it_opens(template):
    text = template.read_text(encoding="utf-8")
    depth = 0
    for action in actions(text):
        depth += action.startswith(OPENS)
        depth -= action == "end"
        assert depth >= 0
        assert action.count("(") == action.count(")")
    assert depth == 0
    assert text.count("{{") == text.count("}}") == len(actions(text))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_asks_only_for_values_that_have_a_default(template):
    for path in re.findall(r"\.Values\.([\w.]+)", template.read_text(encoding="utf-8")):
        value(path)


def test_every_value_is_used():
    text = "".join(template.read_text(encoding="utf-8") for template in TEMPLATES)
    unused = [name for name in VALUES if f".Values.{name}" not in text]
    assert not unused


def test_named_templates_are_defined():
    text = "".join(template.read_text(encoding="utf-8") for template in TEMPLATES)
    assert set(re.findall(r'include "([\w.]+)"', text)) == set(re.findall(r'define "([\w.]+)"', text))


@pytest.mark.parametrize("template", [path for path in TEMPLATES if path.suffix == ".yaml"], ids=lambda path: path.name)
def test_template_is_yaml_once_its_actions_are_filled_in(template, tmp_path):
    filled = tmp_path / "filled.yaml"
    lines = template.read_text(encoding="utf-8").splitlines()
    # What stands alone on its line shapes the document; the rest stands for a value.
    kept = [ACTION.sub("x", line) for line in lines if not ACTION.fullmatch(line.strip())]
    for document in "\n".join(kept).split("\n---\n"):
        filled.write_text(document, encoding="utf-8")
        made = read_yaml(filled)
        assert made["apiVersion"]
        assert made["kind"]


def test_chart_is_of_this_version():
    chart = read_yaml(CHART / "Chart.yaml")
    assert chart["appVersion"] == __version__


def test_pods_wait_long_enough_for_running_answers():
    grace = tomllib.loads((ROOT / "proxy.toml").read_text(encoding="utf-8"))["server"]["grace"]
    assert VALUES["terminationGracePeriodSeconds"] > grace + 8 + 5


def test_pods_are_as_restricted_as_the_image_allows():
    text = (CHART / "templates/deployment.yaml").read_text(encoding="utf-8")
    for line in ("runAsNonRoot: true", "runAsUser: 10001", "readOnlyRootFilesystem: true", "drop: [ALL]"):
        assert line in text
