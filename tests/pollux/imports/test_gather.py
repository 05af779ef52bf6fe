"""One odd file among others: what it says stays behind, and everything else is taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pollux.imports.rig import account, left, planned

if TYPE_CHECKING:
    from pathlib import Path

ODD = {
    "boltrunner": ("config.json", '{"geminiOauthCredsFiles": [], "requestMaxRetries": null}'),
    "cliproxyapi": ("config.yaml", "api-keys: [sk-made-up]\nrouting: round-robin"),
    "litellm": ("config.yaml", "model_list: [{litellm_params: {model: gemini/x}}]\nrouter_settings: none"),
}


@pytest.mark.parametrize(("name", "content"), ODD.values(), ids=ODD)
def test_file_that_somebody_changed_by_hand_keeps_nothing_else_back(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "good.json").write_text(json.dumps(account(1)))
    plan = planned(tmp_path)
    assert "good" in [each.credential.id for each in plan.credentials]
    assert "cannot be understood to its end" in left(plan)[name]


def test_client_key_whose_quota_is_no_number_keeps_no_other_back(tmp_path: Path) -> None:
    keys = '["sk-made-up-odd-key-of-some-length"]\ntotal_quota = "unlimited"\n["sk-made-up-good"]\ntotal_quota = 5\n'
    (tmp_path / "api_keys.toml").write_text(keys)
    plan = planned(tmp_path)
    assert [each.total_quota for each in plan.keys] == [5]
    assert "number" in left(plan)["sk-made-up...gth"]
