"""What docs/migrating.md says of names is true."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from pipeline.stages.model_suffix import PREFIXES, SUFFIXES
from pollux.environment import MERGE, NO_EFFECT, VARIABLES
from pollux.imports.gather import LAYOUTS
from pollux.settings import Settings

TEXT = (Path(__file__).parent.parent / "docs/migrating.md").read_text(encoding="utf-8")
OTHERS_OWN = {"OAUTH_CALLBACK_PORT", "API_KEYS", "ALLOWED_TOKENS", "AUTH_TOKEN"}
CREDENTIALS = {
    *("GCLI_CREDS_1", "GOOGLE_CREDENTIALS", "GOOGLE_CREDENTIALS_2", "GEMINI_API_KEYS", MERGE),
}


def test_every_layout_has_a_row() -> None:
    assert re.findall(r"^\| `([a-z0-9-]+)`.*\| .*\| .*\|$", TEXT.partition("## ")[0], re.MULTILINE) == [
        *("gcli2api", "boltrunner", "arain", "gemini-balance", "cliproxyapi", "litellm", "credentials")
    ]
    assert set(LAYOUTS) <= set(re.findall(r"`([a-z0-9-]+)`", TEXT))


def test_variables_have_an_effect() -> None:
    ours = {name for variable in VARIABLES for name in variable.names} | CREDENTIALS
    said = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=true)?`", TEXT))
    assert said - OTHERS_OWN <= ours - NO_EFFECT.keys()


def test_settings_exist() -> None:
    settings = msgspec.to_builtins(Settings())
    for section, name in re.findall(r"`(server|auth|upstream)\.(\w+)`", TEXT):
        assert name in settings[section]


def test_spellings_of_models_are_understood() -> None:
    for spelling in ("-假流式", "-fake-stream", "-maxthinking", "-nothinking", "-search", "-deepthink", "-think"):
        assert spelling in SUFFIXES
    for spelling in ("假流式/", "fake/", "流式抗截断/", "抗截断/", "anti-truncation/"):
        assert spelling in PREFIXES
