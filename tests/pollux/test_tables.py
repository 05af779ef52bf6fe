"""The lists of rows in proxy.toml: `[[error]]`, `[[limit]]` and `[[model]]`."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from adapters.upstreams.verdicts import Row
from pipeline.books import Limit
from pollux.config import Loaded, load
from pollux.problem import ConfigErrors, written


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])


def configured(text: str) -> Loaded:
    Path("proxy.toml").write_text(textwrap.dedent(text), encoding="utf-8")
    return load(None, {})


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        configured(text)
    return written(caught.value.problems, "text").splitlines()


def test_error_row_becomes_a_row_of_the_taxonomy_that_knows_its_place() -> None:
    loaded = configured("""
        [[error]]
        status = [403, 429]
        quota_id = "PerMinute"
        upstream = ["vertex"]
        scope = "project_model"
        action = "cool"
        until = "brief"
    """)
    assert loaded.tables.errors == (
        Row(
            "provider_rate_limit",
            "project_model",
            "cool",
            "brief",
            status=frozenset({403, 429}),
            upstreams=frozenset({"vertex"}),
            quota="PerMinute",
            origin="proxy.toml:2: error[0]",
        ),
    )


@pytest.mark.parametrize(("error_type", "answers"), [("provider_auth", 502), ("provider_terms", 503)])
def test_row_that_blames_our_credential_tells_callers_nothing_of_it(error_type: str, answers: int) -> None:
    (row,) = configured(f"""
        [[error]]
        message = "not enrolled"
        scope = "credential"
        action = "disable"
        error_type = "{error_type}"
    """).tables.errors
    assert (row.ours, row.answers) == (True, answers)


def test_everything_wrong_with_the_rows_is_said_with_its_line() -> None:
    assert refused("""
        [[error]]
        status = [429]
        scop = "project"
        action = "cool"
        [[error]]
        reason = "("
        scope = "model"
        action = "cool"
        [[error]]
        scope = "unit"
        action = "cool"
        [[error]]
        status = [400]
        scope = "request"
        action = "cool"
        [[error]]
        status = [400]
        scope = "unit"
        action = "cool"
        error_type = "provider_quota"
        [[error]]
        status = [400]
        scope = "unit"
        action = "cool"
        seconds = 3
        until = "stated"
        [[limit]]
        model = "x"
        [[limit]]
        rpm = -1
        [[model]]
        name = "x"
        default_thinking = "hgh"
    """) == [
        "proxy.toml:2: error[0]: 'scope' is missing",
        "proxy.toml:4: error[0].scop: unknown key; did you mean 'scope'?",
        "proxy.toml:6: error[1]: reason is no regular expression: missing ), unterminated subpattern at position 0",
        "proxy.toml:10: error[2]: fits every error: say status, reason, quota_id, message or upstream",
        "proxy.toml:13: error[3]: a request cannot cool: give_up or rotate, or another scope",
        "proxy.toml:17: error[4]: no error_type 'provider_quota'; did you mean 'provider_quota_day'?",
        "proxy.toml:22: error[5]: says both seconds and until: which one?",
        "proxy.toml:28: limit[0]: limits nothing: say rpm, tpm, rpd or tpd",
        "proxy.toml:31: limit[1].rpm: expected int >= 0",
        "proxy.toml:32: model[0]: default_thinking is no effort, 'on' or a number of tokens; did you mean 'high'?",
    ]


@pytest.mark.parametrize("name", ["error", "limit", "model"])
def test_table_that_is_no_list_is_said(name: str) -> None:
    assert refused(f"[{name}]\nrpm = 1\n") == [f"proxy.toml:1: {name}: expected a list of tables: write [[{name}]]"]


def test_limits_are_read_in_their_order() -> None:
    loaded = configured("""
        [[limit]]
        model = "gemini-*-pro*"
        rpm = 5
        [[limit]]
        rpd = 1_000
    """)
    assert loaded.tables.limits == (Limit(model="gemini-*-pro*", rpm=5), Limit(rpd=1000))


def test_default_thinking_reaches_the_stage_and_what_the_stage_itself_says_wins() -> None:
    loaded = configured("""
        [[model]]
        name = "gemini-3*"
        default_thinking = "low"
        [[model]]
        name = "gemini-2.5*"
        default_thinking = 2048
        [pipelines.other]
        remove = ["thinking"]
        insert = [{ before = "credential", stage = "thinking", defaults = { "gemini-3*" = "high" } }]
    """)
    defaults = {
        name: next(stage.defaults for stage in stages if stage.name == "thinking")  # type: ignore[attr-defined]
        for name, stages in loaded.pipelines.items()
    }
    assert defaults == {
        "default": {"gemini-3*": "low", "gemini-2.5*": 2048},
        "other": {"gemini-3*": "high", "gemini-2.5*": 2048},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('strategy = "least_used"', "did you mean 'least-used'?"),
        ('reset_zone = "Mars/Olympus"', "no time zone 'Mars/Olympus'"),
        ("weights = { a = 0.0 }", "expected float > 0"),
        ("priorities = { gemini = 1 }", "unknown key; did you mean 'gemini_api'?"),
        ("max_wait = -1", "expected float >= 0"),
    ],
)
def test_scheduling_that_cannot_be_is_refused(text: str, message: str) -> None:
    (said,) = refused(f"[scheduling]\n{text}\n")
    assert message in said
