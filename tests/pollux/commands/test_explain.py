"""`pollux explain`: the whole way of a request on paper, without a packet leaving."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollux.cli import main
from tests.stores.names import key_in

BODY = '{"model": "gemini-3.8-flash-search", "messages": [{"role": "user", "content": "Say hello"}]}'
ENVIRON = {"GEMINI_API_KEYS": "test-key-1,test-key-2", "API_PASSWORD": "made-up-password"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def refuse(*args: Any) -> None:
        raise AssertionError("explain opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def explain(text: str, *args: str, **environ: str) -> Result:
    return CliRunner().invoke(
        main, ["explain", "--request", "-", *args], input=text, env={**ENVIRON, **environ}, catch_exceptions=False
    )


def test_request_is_followed_to_the_credential_it_would_get() -> None:
    result = explain(BODY)
    assert result.exit_code == 0
    assert result.stdout.startswith("pipeline default\n\nauth\n  caller: null -> ")
    assert 'model-suffix\n  model: "gemini-3.8-flash-search" -> "gemini-3.8-flash"\n' in result.stdout
    assert 'search\n  payload.tools: null -> [{"googleSearch": {}}]\n' in result.stdout
    assert f"upstream is asked with {key_in('GEMINI_API_KEYS', 'test-key-1')} (gemini_api)\n" in result.stdout
    assert f"{key_in('GEMINI_API_KEYS', 'test-key-2')}#0 (gemini_api): ready\n" in result.stdout
    assert "test-key" not in result.output


def test_request_with_a_wrong_key_is_refused_as_it_would_be() -> None:
    result = explain(f"POST /v1/chat/completions HTTP/1.1\nx-api-key: wrong\n\n{BODY}")
    assert result.stdout.endswith("auth\n  refuses: 401 caller_auth: Incorrect API key provided.\n")


def test_request_without_any_credential_says_so() -> None:
    result = explain(BODY, GEMINI_API_KEYS="")
    assert "upstream is not asked: 503 proxy_no_credential" in result.stdout


def test_request_for_models_asks_nobody() -> None:
    result = explain("GET /v1/models HTTP/1.1\nx-api-key: made-up-password\n\n")
    assert result.stdout.endswith("models\n  reply: null -> 200\n")


def test_route_decides_the_pipeline() -> None:
    Path("proxy.toml").write_text(
        '[pipelines.quick]\nremove = ["search"]\n[[route]]\nmatch = { model = "*flash*" }\npipeline = "quick"\n'
    )
    shown = json.loads(explain(BODY, "--json").stdout)
    assert shown["route"] == "quick"
    assert "search" not in [each["stage"] for each in shown["effects"]]
    assert shown["lease"]["kind"] == "gemini_api"


def test_text_that_is_no_request_says_what_was_expected() -> None:
    result = explain("hello")
    assert result.exit_code == 2
    assert "expected a request line such as 'POST /v1/chat/completions', got 'hello'" in result.stderr
