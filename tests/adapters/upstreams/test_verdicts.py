"""Recorded error bodies and the decision that each leads to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.simulator.fixtures import FIXTURES
from adapters.upstreams.durations import until_pacific_midnight
from adapters.upstreams.named_quotas import quotas_of
from adapters.upstreams.verdicts import DAY, HOUR, TABLE, Row, classify, classify_event
from pipeline.errors import ERROR_TYPES, Broken, Busy, Quota, Refused, Terms, UpstreamError
from tests.adapters.upstreams.rig import NOW

RESET = "2026-11-21T06:39:01Z"
UNTIL_RESET = 1_795_243_141.0 - NOW
MIDNIGHT = until_pacific_midnight(NOW)


def recorded(name: str) -> tuple[int, bytes]:
    status, body = FIXTURES[name]
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    for placeholder, value in {"$MODEL": "gemini-3.8-flash", "$PROJECT": "my-p", "$RESET": RESET, "$SOON": ""}.items():
        text = text.replace(placeholder, value)
    return status, text.encode()


def judged(name: str, upstream: str = "gemini_api") -> UpstreamError:
    status, body = recorded(name)
    return classify(status, [], body, NOW, upstream)


# body -> scope, action, seconds, error_type, status the caller sees, class; at gemini_api unless said otherwise.
DECISIONS: list[tuple[Any, ...]] = [
    ("400", "request", "give_up", None, "provider_invalid_request", 400, Refused),
    ("400-key", "credential", "disable", None, "provider_auth", 502, Refused),
    ("400-key-expired", "credential", "disable", None, "provider_auth", 502, Refused),
    ("400-location", "request", "rotate", None, "provider_auth", 502, Refused),
    ("400-precondition", "request", "rotate", None, "provider_auth", 502, Refused),
    ("400-signature", "request", "give_up", None, "provider_invalid_request", 400, Refused),
    ("400-too-long", "request", "give_up", None, "provider_invalid_request", 400, Refused),
    ("401", "credential", "disable", None, "provider_auth", 502, Refused),
    ("401 code_assist", "credential", "refresh", None, "provider_auth", 502, Refused),
    ("401 vertex", "credential", "refresh", None, "provider_auth", 502, Refused),
    ("401 vertex_express", "credential", "disable", None, "provider_auth", 502, Refused),
    ("403", "unit_model", "cool", None, "provider_auth", 502, Refused),
    ("403 code_assist", "unit", "cool", HOUR, "provider_auth", 502, Refused),
    ("403-no-key", "credential", "disable", None, "provider_auth", 502, Refused),
    ("403-leaked", "credential", "disable", None, "provider_auth", 502, Refused),
    ("403-suspended", "credential", "disable", None, "provider_terms", 503, Terms),
    ("403-iam vertex", "unit", "cool", HOUR, "provider_auth", 502, Refused),
    ("403-service-disabled code_assist", "unit", "disable", None, "provider_auth", 502, Refused),
    ("403-no-project code_assist", "unit", "disable", None, "provider_auth", 502, Refused),
    ("403-validation code_assist", "credential", "disable", None, "provider_auth", 502, Refused),
    ("403-tos code_assist", "credential", "disable", None, "provider_terms", 503, Terms),
    ("404", "request", "give_up", None, "provider_invalid_request", 404, Refused),
    ("404-model", "request", "give_up", None, "provider_invalid_request", 404, Refused),
    ("404-html", "request", "give_up", None, "provider_invalid_request", 404, Refused),
    ("413-html", "request", "give_up", None, "provider_invalid_request", 413, Refused),
    ("429-per-minute", "project_model", "cool", 44.0, "provider_rate_limit", 429, Busy),
    ("429-per-day", "project_model", "cool", MIDNIGHT, "provider_quota_day", 429, Busy),
    ("429-limit-0", "project_model", "cool", DAY, "provider_quota_day", 429, Busy),
    ("429-bare", "unit_model", "cool", None, "provider_rate_limit", 429, Busy),
    ("429-vertex vertex", "model", "cool", None, "provider_capacity", 429, Busy),
    ("429-code-assist-quota code_assist", "unit_model", "cool", UNTIL_RESET, "provider_quota_day", 429, Busy),
    ("429-code-assist-rate code_assist", "unit_model", "cool", 2.539477544, "provider_rate_limit", 429, Busy),
    ("429-code-assist-old code_assist", "unit_model", "cool", MIDNIGHT, "provider_quota_day", 429, Busy),
    ("429-individual code_assist", "unit_model", "cool", 33740.0, "provider_rate_limit", 429, Busy),
    ("429-credits code_assist", "unit_model", "cool", None, "provider_rate_limit", 429, Busy),
    ("capacity code_assist", "model", "cool", 9.0, "provider_capacity", 429, Busy),
    ("capacity-503 code_assist", "model", "cool", 9.0, "provider_capacity", 503, Busy),
    ("499", "request", "rotate", None, "provider_5xx", 502, Broken),
    ("500", "request", "rotate", None, "provider_5xx", 500, Broken),
    ("html-500", "request", "rotate", None, "provider_5xx", 500, Broken),
    ("html-502", "request", "rotate", None, "provider_5xx", 502, Broken),
    ("html-504", "request", "rotate", None, "provider_timeout", 504, Broken),
    ("503", "model", "cool", None, "provider_capacity", 503, Busy),
    ("503-demand", "model", "cool", None, "provider_capacity", 503, Busy),
    ("504", "request", "rotate", None, "provider_timeout", 504, Broken),
]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision[0])
def test_recorded_body_leads_to_its_decision(decision):
    name, *expected = decision
    exc = judged(*name.split())
    verdict = exc.verdict
    decided = [verdict.scope, verdict.action, verdict.seconds, exc.error_type, exc.status, type(exc)]
    if expected[2] is not None:
        expected[2] = pytest.approx(expected[2])
    assert decided == expected


def test_every_row_uses_the_closed_vocabulary():
    assert {row.error_type for row in TABLE} <= ERROR_TYPES


@pytest.mark.parametrize("name", [name for name in FIXTURES if name[0] == "4" and "html" not in name])
@pytest.mark.parametrize("form", ["[%s]", "[%s\n,", ",%s", '{"error":{"code":%d,"message":%s}}'])
def test_array_stray_separators_and_nested_json_change_no_verdict(name, form):
    status, body = recorded(name)
    text = body.decode()
    wrapped = form % (status, orjson.dumps(text).decode()) if "%d" in form else form % text
    plain, odd = (classify(status, [], each, NOW, "code_assist") for each in (body, wrapped.encode()))
    assert (odd.verdict, odd.error_type, odd.status) == (plain.verdict, plain.error_type, plain.status)


def test_in_band_error_is_judged_by_its_own_code():
    _, body = recorded("429-per-minute")
    exc = classify_event(orjson.loads(body)["error"], NOW, "gemini_api")
    assert (exc.status, exc.verdict.scope, exc.retry_after) == (429, "project_model", 44.0)


def test_in_band_error_without_code_is_a_500():
    assert classify_event({"message": "boom"}, NOW).status == 500


def test_retry_after_header_counts_when_the_body_says_nothing():
    assert classify(429, [(b"retry-after", b"17")], b"", NOW).verdict.seconds == 17.0


@pytest.mark.parametrize("stamp", ["2020-01-01T00:00:00Z", "2027-11-21T06:39:01Z", "soon"])
def test_reset_in_the_past_or_too_far_away_yields_to_the_delay(stamp):
    _, body = recorded("429-code-assist-quota")
    exc = classify(429, [], body.replace(RESET.encode(), stamp.encode()), NOW, "code_assist")
    assert exc.verdict.seconds == pytest.approx(47941.2, abs=0.1)


def test_validation_without_the_right_domain_is_an_ordinary_refusal():
    _, body = recorded("403-validation")
    exc = classify(403, [], body.replace(b'"cloudcode-pa.', b'"evil.'), NOW, "gemini_api")
    assert exc.verdict.action == "cool"


def test_operator_is_told_why_and_where_and_the_caller_is_not():
    exc = judged("403-validation", "code_assist")
    assert "VALIDATION_REQUIRED" in exc.verdict.reason
    assert "https://accounts.google.com/signin/continue" in exc.verdict.reason
    seen = exc.message + repr(exc.detail)
    assert "https://" not in seen
    disabled = judged("403-service-disabled", "code_assist")
    assert "my-p" in disabled.verdict.reason
    assert "my-p" not in disabled.message + repr(disabled.detail)


def test_upstreams_own_words_reach_the_caller_when_the_request_is_at_fault():
    exc = judged("400-too-long")
    assert exc.message.startswith("The input token count (1200000) exceeds")
    assert exc.detail is not None
    assert exc.detail["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "leak",
    [
        "api_key:canary-1234567",
        "https://x.example/v1?key=canary-1234567&alt=sse",
        "Authorization: Bearer canary-1234567",
        "token ya29.canary-1234567",
        "key AQ.canary-1234567",
        "refresh 1//canary-1234567",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_secret_in_an_error_body_goes_nowhere(leak, status):
    error = {"code": status, "message": f"Consumer '{leak}' failed", "details": [{"metadata": {"consumer": leak}}]}
    exc = classify(status, [], orjson.dumps({"error": error}), NOW, "gemini_api")
    assert "canary-1234567" not in exc.message + repr(exc.detail) + exc.verdict.reason


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"[]", b"[1]", b'"x"', b"\xff\xfe{", b'{"error":7}', b"}{", b"null"]
)
def test_unreadable_body_is_judged_by_its_status(body):
    exc = classify(500, [], body, NOW)
    assert (exc.error_type, exc.verdict.action) == ("provider_5xx", "rotate")
    assert exc.message == "Upstream answered 500 without saying why."


@pytest.mark.parametrize(
    "error",
    [
        {"details": 7},
        {"details": [7, {"reason": 7, "metadata": 7}]},
        {"details": [{"violations": 7}, {"violations": [7]}, {"links": [7]}, {"retryDelay": 7}]},
        {"message": {"a": 1}, "status": []},
        {"message": "{not json"},
    ],
)
def test_error_of_a_wrong_shape_is_still_an_error(error):
    assert classify(429, [], orjson.dumps({"error": error}), NOW).status == 429
    assert classify_event(error, NOW).status == 500


def test_redirect_is_no_fault_of_the_caller():
    exc = classify(302, [], b"", NOW)
    assert (exc.status, exc.verdict.action) == (502, "rotate")


def test_somebody_elses_file_is_tried_elsewhere_and_cools_nothing():
    error = {"code": 403, "message": "You do not have permission to access the File abc or it may not exist."}
    exc = classify(403, [], orjson.dumps({"error": error}), NOW, "gemini_api")
    assert (exc.status, exc.verdict.scope, exc.verdict.action) == (403, "request", "rotate")


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision[0])
def test_only_a_bare_status_casts_suspicion_on_the_request(decision):
    exc = judged(*decision[0].split())
    bare = exc.verdict.action == "cool" and decision[0].split()[0] in {"403", "429-bare"}
    assert exc.verdict.suspect is bare


def test_limits_that_a_refusal_names_are_learnt():
    assert judged("429-per-minute").verdict.quotas == (Quota("rpm", 5),)
    assert [quota.name for quota in judged("429-per-day").verdict.quotas] == ["rpd"]
    assert judged("429-code-assist-quota", "code_assist").verdict.quotas == ()


@pytest.mark.parametrize(
    ("violation", "quotas"),
    [
        ({"quotaId": "GenerateRequestsPerMinutePerProjectPerModel", "quotaValue": "60"}, (Quota("rpm", 60),)),
        ({"quotaId": "GenerateContentInputTokensPerModelPerMinute-FreeTier", "quotaValue": "9"}, (Quota("tpm", 9),)),
        ({"quotaId": "GenerateContentInputTokensPerModelPerDay-FreeTier", "quotaValue": "9"}, (Quota("tpd", 9),)),
        ({"quotaId": "EmbedContentRequestsPerMinutePerUserPerProjectPerModel", "quotaValue": "9"}, ()),
        ({"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}, ()),
        ({"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaValue": "many"}, ()),
        ({"quotaId": "ConcurrentSessions", "quotaValue": "9"}, ()),
        ({"quotaId": 7, "quotaValue": []}, ()),
        (7, ()),
    ],
)
def test_quota_id_says_what_is_counted_and_for_how_long(violation, quotas):
    assert quotas_of({"details": [7, {"violations": [violation]}, {"violations": 7}]}) == quotas


def test_operators_row_goes_before_the_built_in_ones():
    own = Row("provider_capacity", "model", "cool", 7.0, status=frozenset({429}), quota="PerMinute")
    status, body = recorded("429-per-minute")
    exc = classify(status, [], body, NOW, "gemini_api", (own, *TABLE))
    assert (exc.verdict.scope, exc.verdict.seconds, exc.error_type) == ("model", 7.0, "provider_capacity")
    status, body = recorded("429-per-day")
    assert classify(status, [], body, NOW, "gemini_api", (own, *TABLE)).verdict.scope == "project_model"


def test_row_may_rest_until_midnight_in_california():
    own = Row("provider_quota_day", "unit", "cool", "midnight", status=frozenset({418}))
    assert classify(418, [], b"", NOW, "", (own, *TABLE)).verdict.seconds == MIDNIGHT
