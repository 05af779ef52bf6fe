"""LiteLLM: config.yaml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pollux.imports.rig import left, planned, settings
from tests.pollux.imports.test_cliproxyapi import SERVICE_ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
model_list:
  - model_name: quick
    litellm_params:
      model: gemini/gemini-2.5-flash
      api_key: os.environ/MADE_UP_KEY
      rpm: 10
  - model_name: gemini-2.5-pro
    litellm_params:
      model: gemini/gemini-2.5-pro
      api_key: test-key-2
  - model_name: unset
    litellm_params:
      model: gemini/gemini-2.5-pro
      api_key: os.environ/MADE_UP_AND_NOT_SET
  - model_name: on-vertex
    litellm_params:
      model: vertex_ai/gemini-2.5-pro
      vertex_project: project-6
      vertex_location: us-central1
      vertex_credentials: account.json
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: made-up
litellm_settings:
  request_timeout: 600
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  model_group_alias: {"gpt-4": "gemini-2.5-pro"}
general_settings:
  master_key: sk-made-up-master
  database_url: postgresql://made-up
"""


def test_what_is_googles_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_UP_KEY", "test-key-1")
    tmp_path.joinpath("config.yaml").write_text(CONFIG)
    tmp_path.joinpath("account.json").write_text(json.dumps(SERVICE_ACCOUNT))
    plan = planned(tmp_path / "config.yaml")
    assert plan.layouts == ["litellm"]
    one, two, vertex = plan.credentials
    assert [one.credential.api_key, two.credential.api_key] == ["test-key-1", "test-key-2"]
    assert (vertex.credential.projects, vertex.credential.location) == (["project-6"], "us-central1")
    assert settings(plan) == {
        "auth.api_password": "sk-made-up-master",
        "auth.panel_password": "sk-made-up-master",
        "stages.model-suffix.aliases": {
            "quick": "gemini-2.5-flash",
            "unset": "gemini-2.5-pro",
            "on-vertex": "gemini-2.5-pro",
            "gpt-4": "gemini-2.5-pro",
        },
        "stages.credential.attempts": 3,
        "upstream.timeouts.first_byte": 600.0,
        "scheduling.strategy": "rotation",
    }
    assert set(left(plan)) == {"api_key of unset", "gpt-4o", "database_url"}
    assert [each.values for each in plan.rows] == [{"model": "gemini-2.5-flash", "rpm": 10}]
    assert "MADE_UP_AND_NOT_SET" in left(plan)["api_key of unset"]
