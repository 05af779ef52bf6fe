"""The User-Agent and its template."""

from __future__ import annotations

import pytest

from adapters.upstreams.agent import UserAgent


def test_agent_says_pollux_and_its_version_by_default():
    assert UserAgent("1.2.3")("gemini-3.8-flash") == b"pollux/1.2.3"


def test_template_can_render_another_tools_form(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    agent = UserAgent("0.61.0", "GeminiCLI/{version}/{model} ({platform}; {arch}; terminal)")
    assert agent("gemini-2.5-pro") == b"GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64; terminal)"


def test_callers_model_name_cannot_end_the_header_line():
    agent = UserAgent("1", "x/{model}")
    assert agent("a\r\nx-evil: 1") == b"x/a%0D%0Ax-evil:%201"


@pytest.mark.parametrize("template", ["{secret}", "{}", "{version.__class__}"])
def test_template_with_other_fields_is_refused(template):
    with pytest.raises(ValueError, match="user_agent knows"):
        UserAgent("1", template)
