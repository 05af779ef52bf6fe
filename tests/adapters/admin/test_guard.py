"""Who comes in at the admin API, and who does not (seed defects 4, 9, 10, 30, 31, 57)."""

from __future__ import annotations

import asyncio
import re

import pytest

from adapters.admin.app import served
from tests.adapters.admin.visitor import PANEL, visiting
from tests.proxy import KEY

PUBLIC = {
    *("POST /api/v1/session", "POST /auth/login", "GET /auth/callback"),
    *("POST /auth/contribute/start", "POST /auth/contribute/callback-url", "GET /auth/contribute/status"),
    *("GET /auth/quota", "POST /auth/query", "GET /auth/models/{model:path}/cost"),
}


def filled(path: str) -> str:
    return re.sub(r"{\w+(:path)?}", "made-up", path)


def test_public_operations_are_those_we_know_of():
    assert {f"{each.method} {each.path}" for each in served() if each.door == "public"} == PUBLIC


async def test_every_other_operation_wants_a_session_and_refuses_the_api_password(tmp_path):
    guarded = [each for each in served() if each.door == "session"]
    async with visiting(tmp_path) as visitor:
        for each in guarded:
            anonymous = await visitor.ask(each.method, filled(each.path), headers={})
            assert anonymous.status == 401, each.path
            caller = await visitor.ask(each.method, filled(each.path), headers={"x-api-key": KEY})
            assert caller.status == 401, each.path
            in_url = await visitor.ask(each.method, f"{filled(each.path)}?key={PANEL}&token={PANEL}", headers={})
            assert in_url.status == 401, each.path
        as_bearer = await visitor.ask("GET", "/api/v1/keys", headers={"authorization": f"Bearer {KEY}"})
        assert as_bearer.status == 401


async def test_session_serves_in_cookie_and_bearer_until_logged_out(tmp_path):
    async with visiting(tmp_path) as visitor:
        answer = await visitor.ask("POST", "/auth/login", {"password": PANEL}, headers={})
        token, cookie = answer.document["token"], answer.headers["set-cookie"]
        assert PANEL not in answer.body.decode()
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        bearer = {"authorization": f"Bearer {token}"}
        assert (await visitor.ask("GET", "/api/v1/session", headers=bearer)).document["by"] == "session"
        assert (await visitor.ask("GET", "/creds/status", headers={"cookie": cookie.partition(";")[0]})).status == 200
        assert (await visitor.ask("POST", "/auth/logout", headers=bearer)).status == 200
        assert (await visitor.ask("GET", "/api/v1/session", headers=bearer)).status == 401


async def test_session_is_stored_as_a_digest_only(tmp_path):
    async with visiting(tmp_path) as visitor:
        token = (await visitor.ask("POST", "/api/v1/session", {"password": PANEL}, headers={})).document["token"]
        stored = await visitor.running.house.state.load("session")
        assert len(stored) == 1
        assert token.removeprefix("pollux-session-") not in repr(stored)


async def test_session_ends_when_the_panel_password_changes(tmp_path):
    async with visiting(tmp_path, PANEL_PASSWORD="", config='[auth]\npanel_password = "the-first"\n') as visitor:
        login = await visitor.ask("POST", "/api/v1/session", {"password": "the-first"}, headers={})
        bearer = {"authorization": f"Bearer {login.document['token']}"}
        changes = {"changes": {"auth.panel_password": "the-second"}}
        saved = await visitor.ask("PATCH", "/api/v1/config", changes, headers=bearer)
        assert saved.document["applied"] == ["auth.panel_password"]
        assert (await visitor.ask("GET", "/api/v1/session", headers=bearer)).status == 401


async def test_twenty_wrong_passwords_lock_the_right_one_out(tmp_path):
    async with visiting(tmp_path) as visitor:
        running = await visitor.session()
        guesses = [visitor.ask("POST", "/auth/login", {"password": f"wrong-{n}"}, headers={}) for n in range(25)]
        statuses = [each.status for each in await asyncio.gather(*guesses)]
        assert statuses.count(401) == 20
        assert statuses.count(429) == 5
        refused = await visitor.ask("POST", "/api/v1/session", {"password": PANEL}, headers={})
        assert refused.status == 429
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert (await visitor.ask("GET", "/api/v1/keys")).status == 429
        assert (await visitor.ask("GET", "/api/v1/keys", headers=running)).status == 200
        figures = await visitor.ask("GET", "/metrics")
        assert b"pollux_admin_lockouts_total 1.0" in figures.body


async def test_session_and_lockout_hold_for_all_who_share_a_store(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    data = {"DATA_DIR": str(tmp_path / "data")}
    async with visiting(tmp_path / "one", **data) as one, visiting(tmp_path / "other", **data) as other:
        headers = await one.session()
        assert (await other.ask("GET", "/api/v1/session", headers=headers)).status == 200
        for visitor in [one, other] * 10:
            assert (await visitor.ask("POST", "/auth/login", {"password": "wrong"}, headers={})).status == 401
        for visitor in (one, other):
            assert (await visitor.ask("POST", "/auth/login", {"password": PANEL}, headers={})).status == 429


async def test_ended_session_is_no_wrong_password(tmp_path):
    async with visiting(tmp_path) as visitor:
        for _ in range(25):
            ended = await visitor.ask("GET", "/api/v1/keys", headers={"authorization": "Bearer pollux-session-gone"})
            assert ended.status == 401
        assert (await visitor.ask("GET", "/api/v1/keys")).status == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 403),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"x-pollux-csrf": "1"}, 201),
        ({"origin": "SELF"}, 201),
    ],
)
async def test_cookie_alone_changes_nothing(tmp_path, more, status):
    async with visiting(tmp_path) as visitor:
        sent = {**await visitor.session(), **more}
        if sent.get("origin") == "SELF":
            sent["origin"] = visitor.running.url
        assert (await visitor.ask("POST", "/api/v1/keys", {}, headers=sent)).status == status


async def test_login_from_another_origin_is_refused(tmp_path):
    async with visiting(tmp_path) as visitor:
        sent = {"origin": "https://elsewhere.example"}
        answer = await visitor.ask("POST", "/api/v1/session", {"password": PANEL}, headers=sent)
        assert answer.status == 403


async def test_every_answer_carries_the_headers_that_bind_a_browser(tmp_path):
    async with visiting(tmp_path, config='[server]\ncors = ["*"]\n') as visitor:
        for path in ("/", "/api/v1/keys", "/nothing", "/auth/callback"):
            headers = (await visitor.ask("GET", path, headers={"origin": "https://elsewhere.example"})).headers
            assert "unsafe-inline" not in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-request-id"]
            assert "access-control-allow-origin" not in headers
        asked_first = await visitor.ask("OPTIONS", "/api/v1/keys", headers={"origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in asked_first.headers


async def test_cookie_is_secure_behind_tls(tmp_path):
    async with visiting(tmp_path) as visitor:
        answer = await visitor.ask(
            "POST", "/api/v1/session", {"password": PANEL}, headers={"x-forwarded-proto": "https"}
        )
        assert answer.headers["set-cookie"].endswith("; Secure")
