"""Code Assist's envelope, its five moods and its onboarding."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.simulator import Account

TOKEN = "test-token-1"
ASK: dict[str, Any] = {
    "model": "gemini-2.5-pro",
    "project": "p-1",
    "request": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
GENERATE = "/v1internal:generateContent"
STREAM = "/v1internal:streamGenerateContent?alt=sse"


@pytest.fixture
def account(sim):
    def script(**more: Any) -> None:
        details: dict[str, Any] = {
            "refresh_token": "test-refresh-1",
            "projects": ["p-1"],
            "access_tokens": [TOKEN],
            **more,
        }
        sim.script(accounts=[Account(**details)])

    script()
    return script


async def test_answer_comes_in_the_envelope(account, call):
    unary = (await call(GENERATE, ASK, bearer=TOKEN)).json
    assert unary["response"]["candidates"][0]["content"]["parts"] == [{"text": "You said: hi"}]
    assert unary["traceId"]
    events = (await call(STREAM, ASK, bearer=TOKEN)).events
    assert events[-1]["response"]["candidates"][0]["finishReason"] == "STOP"


async def test_errors_carry_the_legacy_list_and_streams_wrap_them(account, call):
    bad = {**ASK, "request": {**ASK["request"], "foo": 1}}
    unary = (await call(GENERATE, bad, bearer=TOKEN)).json
    assert "Unknown name \"foo\" at 'request'" in unary["error"]["message"]
    assert unary["error"]["errors"][0]["reason"] == "badRequest"
    assert (await call(STREAM, bad, bearer=TOKEN)).json[0]["error"]["code"] == 400


async def test_schema_error_names_the_path_inside_the_request(account, call):
    tools = [{"functionDeclarations": [{"name": "f", "parameters": {"$schema": "x"}}]}]
    answer = await call(GENERATE, {**ASK, "request": {**ASK["request"], "tools": tools}}, bearer=TOKEN)
    assert "at 'request.tools[0].function_declarations[0].parameters'" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"project": "p-2"}, 403, "IAM_PERMISSION_DENIED"),
        ({"model": "gemini-3.7-flash"}, 404, None),
        ({"model": "gemini-embedding-001"}, 404, None),
    ],
)
async def test_foreign_project_and_model_are_refused(account, call, changes, status, reason):
    error = (await call(GENERATE, {**ASK, **changes}, bearer=TOKEN)).json["error"]
    assert error["code"] == status
    assert reason is None or error["details"][0]["reason"] == reason


async def test_keys_do_not_open_code_assist(call):
    answer = await call(GENERATE, ASK, key="k")
    assert (answer.status, answer.json["error"]["details"][0]["reason"]) == (401, "CREDENTIALS_MISSING")


async def test_count_tokens_has_a_body_of_its_own(account, call):
    contents: list[Any] = [{"role": "user", "parts": [{"text": "x" * 40}]}]
    body = {"request": {"model": "models/gemini-2.5-flash", "contents": contents}}
    assert (await call("/v1internal:countTokens", body, bearer=TOKEN)).json == {"totalTokens": 10}
    contents[0]["parts"][0]["thought"] = True
    assert (await call("/v1internal:countTokens", body, bearer=TOKEN)).status == 400
    assert (await call("/v1internal:countTokens", {**body, "project": "p-1"}, bearer=TOKEN)).status == 400


LOAD = {"metadata": {"pluginType": "GEMINI"}}


@pytest.mark.parametrize(
    ("mood", "tier", "project", "default", "reason"),
    [
        ("onboarded", "standard-tier", "p-1", "standard-tier", None),
        ("no-project", "standard-tier", None, "standard-tier", None),
        ("free-tier", None, None, "free-tier", None),
        ("unsupported-client", None, None, "standard-tier", "UNSUPPORTED_CLIENT"),
        ("validation-required", None, None, "standard-tier", "VALIDATION_REQUIRED"),
    ],
)
async def test_load_shows_the_mood(account, call, mood, tier, project, default, reason):
    account(mood=mood)
    loaded = (await call("/v1internal:loadCodeAssist", LOAD, bearer=TOKEN)).json
    assert loaded.get("currentTier", {}).get("id") == tier
    assert loaded.get("cloudaicompanionProject") == project
    assert [entry["id"] for entry in loaded["allowedTiers"] if entry.get("isDefault")] == [default]
    assert [entry["reasonCode"] for entry in loaded.get("ineligibleTiers", [])] == ([reason] if reason else [])


async def test_onboarding_is_polled_until_done(account, call, sim):
    account(mood="free-tier")
    sim.script(onboarding_polls=2)
    assert (await call(GENERATE, ASK, bearer=TOKEN)).status == 403
    started = (await call("/v1internal:onboardUser", {"tierId": "free-tier"}, bearer=TOKEN)).json
    polls = [(await call(f"/v1internal/{started['name']}", bearer=TOKEN)).json for _ in range(3)]
    assert [poll.get("done", False) for poll in polls] == [False, False, True]
    project = polls[-1]["response"]["cloudaicompanionProject"]["id"]
    loaded = (await call("/v1internal:loadCodeAssist", LOAD, bearer=TOKEN)).json
    assert loaded["cloudaicompanionProject"] == project
    assert (await call(GENERATE, {**ASK, "project": project}, bearer=TOKEN)).status == 200


async def test_free_tier_with_a_project_fails_its_precondition(account, call):
    body = {"tierId": "free-tier", "cloudaicompanionProject": "p-1"}
    answer = await call("/v1internal:onboardUser", body, bearer=TOKEN)
    assert answer.json["error"]["status"] == "FAILED_PRECONDITION"


async def test_no_project_at_all_is_somebody_elses_project(account, call):
    account(mood="no-project")
    without = {name: value for name, value in ASK.items() if name != "project"}
    error = (await call(GENERATE, without, bearer=TOKEN)).json["error"]
    assert error["message"].startswith("Cloud Code Private API has not been used in project")


async def test_disabled_service_works_once_enabled(account, call, sim):
    sim.script(disabled_services=["p-1"])
    error = (await call(GENERATE, ASK, bearer=TOKEN)).json["error"]
    assert error["details"][0]["metadata"]["consumer"] == "projects/p-1"
    service = "/v1/projects/p-1/services/cloudaicompanion.googleapis.com"
    assert (await call(service, bearer=TOKEN)).json["state"] == "DISABLED"
    assert (await call(service + ":enable", {}, bearer=TOKEN)).status == 200
    assert (await call(service, bearer=TOKEN)).json["state"] == "ENABLED"
    assert (await call(GENERATE, ASK, bearer=TOKEN)).status == 200


async def test_projects_are_listed(account, call):
    listed = (await call("/v1/projects", bearer=TOKEN)).json["projects"]
    assert [entry["projectId"] for entry in listed] == ["p-1"]
    account(projects=[])
    assert (await call("/v1/projects", bearer=TOKEN)).json == {}


@pytest.mark.parametrize("method", ["retrieveUserQuota", "listExperiments", "fetchAdminControls"])
async def test_side_methods_answer(account, call, method):
    assert (await call(f"/v1internal:{method}", {"project": "p-1"}, bearer=TOKEN)).status == 200
