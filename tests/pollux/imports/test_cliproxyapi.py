"""CLIProxyAPI: config.yaml and the directory it names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.pollux.imports.rig import left, planned, settings

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
host: ""
port: 8317
remote-management:
  allow-remote: false
  secret-key: "$2a$10$made-up"
auth-dir: "/root-of-a-container/.cli-proxy-api"
api-keys:
  - "made-up-client-key-number-1"
debug: false
proxy-url: "socks5://proxy.example:1080"
request-retry: 3
routing:
  strategy: "round-robin"
gemini-api-key:
  - api-key: "test-key-1"
    base-url: "https://generativelanguage.googleapis.com"
    models:
      - name: "gemini-2.5-flash"
        alias: "quick"
  - api-key: "test-key-2"
    excluded-models: ["gemini-2.5-pro"]
  - api-key: "test-key-3"
    base-url: "https://elsewhere.example"
vertex-api-key:
  - api-key: "test-vertex-key-1"
claude-api-key:
  - api-key: "made-up"
"""
NESTED = {
    "token": {"access_token": "a", "refresh_token": "made-up-refresh-1", "client_id": "made-up-client.apps.example"},
    "project_id": "ALL",
    "email": "one@example.com",
    "auto": True,
    "type": "gemini",
}
SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "project-5",
    "private_key_id": "made-up-key-id",
    "private_key": "made-up-private-key",
    "client_email": "five@project-5.example",
}


def test_configuration_and_its_credentials_are_taken(tmp_path: Path) -> None:
    tmp_path.joinpath("config.yaml").write_text(CONFIG)
    auths = tmp_path / ".cli-proxy-api"
    auths.mkdir()
    auths.joinpath("gemini-one@example.com-all.json").write_text(json.dumps(NESTED))
    vertex = {"service_account": SERVICE_ACCOUNT, "location": "europe-west1", "type": "vertex"}
    auths.joinpath("vertex-project-5.json").write_text(json.dumps(vertex))
    auths.joinpath("codex-x.json").write_text(json.dumps({"type": "codex", "refresh_token": "made-up-codex"}))
    plan = planned(tmp_path / "config.yaml")
    assert plan.layouts == ["cliproxyapi", "credentials"]
    kinds = [each.credential.kind for each in plan.credentials]
    assert kinds == ["gemini_api", "gemini_api", "vertex_express", "code_assist", "vertex"]
    oauth, account = plan.credentials[3:]
    assert (oauth.credential.projects, oauth.fidelity) == (["_auto"], "approximate")
    assert (account.credential.location, account.credential.projects) == ("europe-west1", ["project-5"])
    assert [each.secret for each in plan.keys] == ["made-up-client-key-number-1"]
    assert settings(plan) == {
        "server.host": "0.0.0.0",
        "server.port": 8317,
        "upstream.proxy": "socks5://proxy.example:1080",
        "stages.credential.attempts": 4,
        "stages.model-suffix.aliases": {"quick": "gemini-2.5-flash"},
        "scheduling.strategy": "rotation",
    }
    assert set(left(plan)) == {
        "gemini-api-key: excluded-models",
        "gemini-api-key",
        "claude-api-key",
        "remote-management: secret-key",
        "codex-x.json",
    }
    assert left(plan)["codex-x.json"] == "a credential for codex, which Pollux does not speak to"


def test_older_list_of_keys_is_understood(tmp_path: Path) -> None:
    tmp_path.joinpath("c").write_text(
        "generative-language-api-key:\n  - test-key-1\nremote-management:\n  secret-key: s\n"
    )
    plan = planned(tmp_path / "c")
    assert [each.credential.api_key for each in plan.credentials] == ["test-key-1"]
    assert settings(plan) == {"auth.panel_password": "s"}
