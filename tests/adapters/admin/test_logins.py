"""Logins at Google: in the console, by contributors, from a browser here or elsewhere (seed defects 10, 30, 66)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.admin import guard, logins
from adapters.simulator import Account, Scenario
from adapters.simulator.scenario import Mood
from tests.adapters.admin.visitor import PANEL, Visitor, visiting
from tests.proxy import CODE_ASSIST

CONFIG = """
[oauth]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
[upstream.endpoints]
accounts = "${OAUTH_PROXY_URL}"
"""
REFRESH = "canary-refresh-token"


def scenario(*projects: str, mood: Mood = "onboarded", managed: str = "") -> Scenario:
    account = Account(REFRESH, "a@example.test", list(projects), managed, mood=mood)
    return Scenario(accounts=[account], disabled_services=[])


def google(**options):
    return {"scenario": scenario("project-1", **options), "config": CONFIG, "credentials": {}, "keys": ""}


async def consent(visitor: Visitor, url: str) -> str:
    """Consent on Google's page; return the address it leads back to."""
    page = await visitor.ask("GET", url, headers={})
    assert page.status == 302
    return page.headers["location"]


def back_here(visitor: Visitor, callback: str) -> str:
    parts = urlsplit(callback)
    assert parts.hostname == "localhost"
    assert visitor.running.url.endswith(f":{parts.port}")
    return f"{parts.path}?{parts.query}"


async def test_login_ends_in_a_credential_that_serves(tmp_path):
    async with visiting(tmp_path, **google(managed="project-1")) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        state = started["state"]
        assert (await visitor.ask("GET", f"/api/v1/oauth/status?state={state}")).document["status"] == "pending"
        page = await visitor.ask("GET", back_here(visitor, await consent(visitor, started["url"])), headers={})
        assert page.status == 200
        assert "a@example.test" in page.body.decode()
        assert "<script" not in page.body.decode()
        outcome = (await visitor.ask("GET", f"/api/v1/oauth/status?state={state}")).document
        assert (outcome["status"], outcome["email"], outcome["project"]) == ("completed", "a@example.test", "project-1")
        assert (await visitor.chat()).status == 200


async def test_pasted_callback_finishes_a_login_and_comes_twice(tmp_path):
    async with visiting(tmp_path, **google(managed="project-1")) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        for _ in range(2):
            outcome = await visitor.ask("POST", "/api/v1/oauth/callback-url", pasted)
            assert outcome.document["status"] == "completed"
        assert len((await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]) == 1


async def test_contributor_learns_nothing_but_that_it_worked(tmp_path):
    async with visiting(tmp_path, **google(managed="project-1")) as visitor:
        started = (await visitor.ask("POST", "/auth/contribute/start", headers={})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        done = await visitor.ask("POST", "/auth/contribute/callback-url", pasted, headers={})
        assert done.document == {"ok": True, "email": "a@example.test", "error": ""}
        shown = await visitor.ask("GET", f"/auth/contribute/status?state={started['state']}", headers={})
        assert shown.document == done.document
        assert len((await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]) == 1


async def test_state_is_unguessable_and_no_secret_of_ours(tmp_path):
    async with visiting(tmp_path, **google()) as visitor:
        states = [(await visitor.ask("POST", "/api/v1/oauth/start", {})).document["state"] for _ in range(3)]
        assert len(set(states)) == 3
        assert all(len(each) == 64 and PANEL not in each for each in states)
        stored = await visitor.running.house.state.load("login")
        assert not any(state in repr(stored) for state in states)


async def test_login_of_an_operator_is_not_a_contributors_to_finish(tmp_path):
    async with visiting(tmp_path, **google(managed="project-1")) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        refused = await visitor.ask("POST", "/auth/contribute/callback-url", pasted, headers={})
        assert refused.status == 400
        theirs = (await visitor.ask("POST", "/auth/contribute/start", headers={})).document["state"]
        assert (await visitor.ask("GET", f"/api/v1/oauth/status?state={theirs}")).status == 400


@pytest.mark.parametrize("callback", ["", "not an address", "http://localhost/auth/callback?state=x&code=y"])
async def test_foreign_callback_is_refused(tmp_path, callback):
    async with visiting(tmp_path, **google()) as visitor:
        pasted = {"callback_url": callback}
        assert (await visitor.ask("POST", "/auth/contribute/callback-url", pasted, headers={})).status in {400, 422}
        page = await visitor.ask("GET", f"/auth/callback?{urlsplit(callback).query}", headers={})
        assert page.status == 400


async def test_refused_consent_says_nothing_of_the_caller_back(tmp_path):
    async with visiting(tmp_path, **google()) as visitor:
        started = (await visitor.ask("POST", "/auth/contribute/start", headers={})).document
        query = f"state={started['state']}&error=<script>alert(1)</script>"
        page = await visitor.ask("GET", f"/auth/callback?{query}", headers={})
        assert page.status == 400
        assert "<script" not in page.body.decode()
        shown = await visitor.ask("GET", f"/auth/contribute/status?state={started['state']}", headers={})
        assert shown.document["ok"] is False
        assert "script" not in shown.body.decode()


async def test_expired_login_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(logins, "LIFETIME", -1.0)
    async with visiting(tmp_path, **google()) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        assert (await visitor.ask("POST", "/api/v1/oauth/callback-url", pasted)).status == 400


async def test_account_with_several_projects_is_asked_which(tmp_path):
    options = google(mood="no-project") | {"scenario": scenario("project-1", "project-2", mood="no-project")}
    async with visiting(tmp_path, **options) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        outcome = (await visitor.ask("POST", "/api/v1/oauth/callback-url", pasted)).document
        assert outcome["status"] == "choose"
        assert [each["id"] for each in outcome["projects"]] == ["project-1", "project-2"]
        assert (await visitor.chat()).status == 503
        chosen = {"state": started["state"], "project": "project-2"}
        done = (await visitor.ask("POST", "/api/v1/oauth/project", chosen)).document
        assert (done["status"], done["project"]) == ("completed", "project-2")
        assert (await visitor.chat()).status == 200


async def test_contributor_with_several_projects_is_not_asked(tmp_path):
    options = google() | {"scenario": scenario("project-1", "my-default", mood="no-project")}
    async with visiting(tmp_path, **options) as visitor:
        started = (await visitor.ask("POST", "/auth/contribute/start", headers={})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        assert (await visitor.ask("POST", "/auth/contribute/callback-url", pasted, headers={})).document["ok"]
        (kept,) = (await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]
        assert kept["projects"] == ["my-default"]


async def test_all_projects_become_units(tmp_path):
    options = google() | {"scenario": scenario("project-1", "project-2")}
    async with visiting(tmp_path, **options) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {"all_projects": True})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        assert (await visitor.ask("POST", "/api/v1/oauth/callback-url", pasted)).document["status"] == "completed"
        (kept,) = (await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]
        assert [each["project"] for each in kept["units"]] == ["project-1", "project-2"]


async def test_account_that_may_not_is_not_kept(tmp_path):
    options = google() | {"scenario": scenario(mood="unsupported-client")}
    async with visiting(tmp_path, **options) as visitor:
        started = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document
        pasted = {"callback_url": await consent(visitor, started["url"])}
        outcome = (await visitor.ask("POST", "/api/v1/oauth/callback-url", pasted)).document
        assert outcome["status"] == "failed"
        assert "no longer supported" in outcome["error"]
        assert (await visitor.ask("GET", "/api/v1/credentials")).document["credentials"] == []


async def test_client_of_a_credential_serves_where_none_is_configured(tmp_path):
    options = google() | {"config": "", "credentials": {"account.json": CODE_ASSIST}}
    async with visiting(tmp_path, **options) as visitor:
        url = (await visitor.ask("POST", "/api/v1/oauth/start", {})).document["url"]
        assert parse_qs(urlsplit(url).query)["client_id"] == [CODE_ASSIST["client_id"]]


async def test_no_client_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr("pollux.oauth_clients.find_client", lambda environ: None)
    async with visiting(tmp_path, **(google() | {"config": ""})) as visitor:
        answer = await visitor.ask("POST", "/api/v1/oauth/start", {})
        assert answer.status == 409
        assert "[oauth] client_id" in answer.document["error"]["message"]


async def test_who_asks_too_often_without_a_session_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "_OFTEN", 3)
    async with visiting(tmp_path, **google()) as visitor:
        statuses = [(await visitor.ask("POST", "/auth/contribute/start", headers={})).status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert (await visitor.ask("POST", "/api/v1/oauth/start", {})).status == 200
