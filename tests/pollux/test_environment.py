"""The environment: the names that existing scripts use, with the meaning they had."""

from __future__ import annotations

from typing import Any

import pytest

from pollux.environment import credentials, expanded, overrides
from pollux.problem import written


def held(**environ: str) -> dict[str, Any]:
    return {".".join(map(str, each.path)): each.value for each in overrides(environ).held}


def said(**environ: str) -> str:
    return written(overrides(environ).problems, "text")


def test_password_sets_both_and_the_specific_one_wins_with_a_warning() -> None:
    assert held(PASSWORD="p") == {"auth.api_password": "p", "auth.panel_password": "p"}
    assert held(PASSWORD="p", API_PASSWORD="a") == {"auth.api_password": "a", "auth.panel_password": "p"}
    assert said(PASSWORD="p", API_PASSWORD="a") == "warning: environment: PASSWORD: API_PASSWORD wins over PASSWORD"
    assert said(PASSWORD="p") == ""


def test_older_names_of_the_passwords_are_understood() -> None:
    assert held(GEMINI_AUTH_PASSWORD="a", ADMIN_AUTH_TOKEN="b") == {
        "auth.api_password": "a",
        "auth.panel_password": "b",
    }


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"STORAGE_URL": "s", "REDIS_URI": "r"}, "s"),
        ({"DATABASE_URL": "d", "REDIS_URI": "r"}, "d"),
        ({"REDIS_URL": "r", "POSTGRES_DSN": "p", "MONGODB_URI": "m"}, "r"),
        ({"POSTGRESQL_URI": "p", "MONGODB_URI": "m"}, "p"),
        ({"MONGODB_URI": "m"}, "m"),
    ],
)
def test_store_is_chosen_in_the_documented_order(environ: dict[str, str], url: str) -> None:
    assert held(**environ)["storage.url"] == url


def test_database_belongs_to_the_store_that_was_chosen() -> None:
    both = {"REDIS_DATABASE": "3", "MONGODB_DATABASE": "proxy"}
    assert held(REDIS_URI="rediss://h", **both)["storage.database"] == "3"
    assert held(MONGODB_URI="mongodb+srv://h", **both)["storage.database"] == "proxy"
    assert held(**both) == {}


def test_retries_become_attempts_and_may_be_switched_off() -> None:
    assert held(RETRY_429_MAX_RETRIES="3") == {"stages.credential.attempts": 4}
    assert held(RETRY_429_MAX_RETRIES="3", RETRY_429_ENABLED="true") == {"stages.credential.attempts": 4}
    assert held(RETRY_429_MAX_RETRIES="3", RETRY_429_ENABLED="false") == {"stages.credential.attempts": 1}
    assert said(RETRY_429_MAX_RETRIES="-1") == (
        "environment: RETRY_429_MAX_RETRIES: expected a number of retries, got '-1'"
    )


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_flag_is_read_in_every_usual_spelling(text: str, value: bool) -> None:
    assert held(AUTO_BAN=text) == {"scheduling.auto_ban": value}


def test_list_is_read_by_commas_and_lines() -> None:
    assert held(AUTO_BAN_ERROR_CODES="400, 401\n403,") == {"scheduling.auto_ban_codes": ["400", "401", "403"]}


def test_empty_variable_is_as_good_as_none() -> None:
    assert held(PORT="", PASSWORD=" ") == {}


def test_variable_without_effect_is_said_and_not_an_error() -> None:
    assert said(METADATA_SERVICE_URL="http://x", UNKNOWN_THING="x") == (
        "warning: environment: METADATA_SERVICE_URL: has no effect: no credential comes from the metadata service"
    )


def test_credentials_that_stand_alone_are_said_to() -> None:
    alone = (
        "warning: environment: GOOGLE_CREDENTIALS: credentials kept elsewhere are not served beside it; "
        "GOOGLE_CREDENTIALS_MERGE=true serves both"
    )
    assert said(GOOGLE_CREDENTIALS_2="{}") == alone
    assert said(GOOGLE_CREDENTIALS="{}", GOOGLE_CREDENTIALS_MERGE="no") == alone
    assert said(GOOGLE_CREDENTIALS="{}", GOOGLE_CREDENTIALS_MERGE="yes") == ""
    assert said(GOOGLE_CREDENTIALS="{}", GOOGLE_CREDENTIALS_MERGE="both").endswith("expected true or false, got 'both'")
    assert said(GCLI_CREDS_1="{}") == ""


@pytest.mark.parametrize(
    ("text", "result", "missing"),
    [
        ("a${X}b", "a1b", []),
        ("$${X} $X {X}", "${X} $X {X}", []),
        ("${Y}", "", [("Y", "")]),
        ("${Y:?set it}${X:?no}", "1", [("Y", "set it")]),
        ("${Y:?}", "", [("Y", "Y must be set")]),
        ("${not a name}", "${not a name}", []),
    ],
)
def test_expansion_follows_the_shell(text: str, result: str, missing: list[tuple[str, str]]) -> None:
    assert expanded(text, {"X": "1"}) == (result, missing)


def test_credentials_of_the_environment_load_as_documented() -> None:
    environ = {
        "GCLI_CREDS_2": "b", "GCLI_CREDS_1": "a", "GOOGLE_CREDENTIALS": "g", "GOOGLE_CREDENTIALS_2": "h",
        "GEMINI_API_KEYS": "k1,k2", "GEMINI_API_KEY": "", "GOOGLE_CREDENTIALS_FILE": "no",
    }  # fmt: skip
    always = [("GEMINI_API_KEYS", "k1,k2"), ("GOOGLE_CREDENTIALS", "g"), ("GOOGLE_CREDENTIALS_2", "h")]
    assert credentials(environ, load_all=False) == always
    asked = [("GCLI_CREDS_1", "a"), ("GCLI_CREDS_2", "b")]
    assert credentials(environ, load_all=True) == [always[0], *asked, *always[1:]]
