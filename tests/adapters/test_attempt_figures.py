"""What calls to upstream, refusals and rests are counted as; every label is bounded."""

from __future__ import annotations

import re

import pytest

from adapters.label_budget import OVERFLOW
from adapters.metrics import PrometheusMeter
from pipeline.errors import AllCooling, Broken, Forbidden, Limited, NoKey, ProxyError, Unauthorized
from pipeline.exchange import Caller, Key
from tests.adapters.ended import ended

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def lines(meter: PrometheusMeter, accept: str = "") -> list[str]:
    return meter.exposition(accept)[1].decode().splitlines()


def samples(meter: PrometheusMeter, name: str) -> list[str]:
    return [line for line in lines(meter) if re.match(rf"{name}[ {{]", line)]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("ok", "ok"),
        ("provider_rate_limit", "rate"),
        ("provider_quota_day", "quota"),
        ("provider_auth", "auth"),
        ("provider_terms", "auth"),
        ("provider_cut", "error"),
        ("new_word", "error"),
    ],
)
def test_call_is_counted_by_credential_and_what_it_came_to(result, shown):
    meter = PrometheusMeter()
    meter.attempted("gemini_api", "m", result, "key-1")
    counted = f'pollux_credential_requests_total{{cred="key-1",result="{shown}"}} 1.0'
    assert samples(meter, "pollux_credential_requests_total") == [counted]


def test_credentials_beyond_the_budget_share_one_series_and_are_told_of():
    meter = PrometheusMeter()
    for number in range(203):
        meter.attempted("gemini_api", "m", "ok", f"key-{number}")
    shown = samples(meter, "pollux_credential_requests_total")
    assert len(shown) == 201
    assert f'pollux_credential_requests_total{{cred="{OVERFLOW}",result="ok"}} 3.0' in shown
    assert 'pollux_metrics_series_dropped_total{label="cred"} 3.0' in lines(meter)
    assert 'pollux_metrics_series_dropped_total{label="model"} 0.0' in lines(meter)


def test_meter_counts_its_own_series():
    meter = PrometheusMeter()
    before = float(samples(meter, "pollux_metrics_series")[0].split()[1])
    meter.attempted("gemini_api", "m", "ok", "key-1")
    assert samples(meter, "pollux_metrics_series") == [f"pollux_metrics_series {before + 2}"]


def test_retries_and_rests_are_counted_by_error_type():
    meter = PrometheusMeter()
    meter.retried("default", "provider_cut")
    meter.retried("default", "new_word")
    meter.cooled("code_assist", "provider_quota_day")
    assert samples(meter, "pollux_retries_total") == [
        'pollux_retries_total{reason="provider_cut",route="default"} 1.0',
        'pollux_retries_total{reason="_OTHER",route="default"} 1.0',
    ]
    rests = 'pollux_credential_cooldowns_total{reason="provider_quota_day",upstream="code_assist"} 1.0'
    assert samples(meter, "pollux_credential_cooldowns_total") == [rests]


@pytest.mark.parametrize(
    ("fields", "refusal", "reason"),
    [
        ({"caller": None}, NoKey(), "missing"),
        ({"caller": None}, Unauthorized(), "wrong"),
        ({"caller": Caller("a", key=Key(id="a", enabled=False))}, Forbidden(error_type="caller_auth"), "disabled"),
        ({"caller": Caller("a", key=Key(id="a", expires=1.0))}, Forbidden(error_type="caller_auth"), "expired"),
    ],
)
def test_caller_not_let_in_is_counted_by_why(fields, refusal, reason):
    meter = PrometheusMeter()
    meter.done(ended(**fields), refusal)
    counted = f'pollux_auth_failures_total{{reason="{reason}",surface="api"}} 1.0'
    assert samples(meter, "pollux_auth_failures_total") == [counted]


@pytest.mark.parametrize("refusal", [Forbidden(), AllCooling(), Broken(), ProxyError()], ids=repr)
def test_refusal_that_is_no_limit_of_ours_counts_as_none(refusal):
    meter = PrometheusMeter()
    meter.done(ended(), refusal)
    assert not samples(meter, "pollux_auth_failures_total")
    assert not samples(meter, "pollux_limit_rejections_total")


def test_limit_that_refuses_is_counted_by_name():
    meter = PrometheusMeter()
    meter.done(ended(), Limited().by("rpm", "key"))
    counted = 'pollux_limit_rejections_total{limit="rpm",mode="enforce",scope="key"} 1.0'
    assert samples(meter, "pollux_limit_rejections_total") == [counted]


def test_token_takes_its_part_of_the_stream_after_the_first_event():
    meter = PrometheusMeter()
    meter.done(ended(), None)
    meter.done(ended(), Broken())
    meter.done(ended(stream=False), None)
    name = "pollux_time_per_output_token_seconds"
    assert samples(meter, f"{name}_count") == [f'{name}_count{{model="gemini-2.5-flash"}} 1.0']
    assert float(samples(meter, f"{name}_sum")[0].split()[1]) == pytest.approx(0.25 / 5, abs=0.04)


def test_durations_name_a_request_to_look_at_in_openmetrics_only():
    meter = PrometheusMeter()
    meter.done(ended(), None)
    named = [line.partition("_bucket")[0] for line in lines(meter, OPENMETRICS) if '# {trace_id="req-1"}' in line]
    assert named == ["pollux_request_duration_seconds", "pollux_time_to_first_chunk_seconds"]
    assert not any("trace_id" in line for line in lines(meter))


def test_only_the_configuration_in_effect_is_one():
    meter = PrometheusMeter()
    meter.configured("aaa")
    meter.configured("aaa")
    meter.configured("bbb")
    name = "pollux_config_hash_info"
    assert samples(meter, name) == [f'{name}{{hash="aaa"}} 0.0', f'{name}{{hash="bbb"}} 1.0']
