"""Every outcome has one name in metrics and logs."""

from __future__ import annotations

import asyncio

import pytest

from adapters.body import CallerGone
from adapters.outcome import OTHER, STREAM_ENDS, error_type_of, status_of, stream_end_of
from pipeline.errors import (
    BadRequest,
    Broken,
    Busy,
    Draining,
    InternalError,
    ProxyError,
    Unauthorized,
)
from pipeline.exchange import Reply
from tests.adapters.ended import ended

TABLE = [
    # outcome, status, error_type, why a stream ended
    (None, 200, "", "complete"),
    (asyncio.CancelledError(), 499, "caller_disconnect", "client_gone"),
    (CallerGone(), 499, "caller_disconnect", "client_gone"),
    (Draining(), 503, "proxy_draining", "drain"),
    (Broken(error_type="provider_cut"), 502, "provider_cut", "upstream_cut"),
    (Broken(error_type="provider_timeout"), 502, "provider_timeout", "idle_timeout"),
    (Broken(), 502, "provider_5xx", "upstream_error"),
    (Busy(), 429, "provider_rate_limit", "upstream_error"),
    (InternalError(), 500, "proxy_internal", OTHER),
    (RuntimeError(), 500, "proxy_internal", OTHER),
    (ProxyError(error_type="made_up"), 500, OTHER, OTHER),
]


@pytest.mark.parametrize(("outcome", "status", "error_type", "reason"), TABLE, ids=repr)
def test_outcome_has_one_name_for_metrics_and_logs(outcome, status, error_type, reason):
    x = ended()
    assert (status_of(x, outcome), error_type_of(outcome)) == (status, error_type)
    assert stream_end_of(x, outcome) == reason
    assert reason in STREAM_ENDS


def test_reply_with_a_status_of_its_own_keeps_it():
    assert status_of(ended(reply=Reply(status=404)), None) == 404


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"stream": False}, None),
        ({"first_byte": 0.0}, Unauthorized()),
        ({"first_byte": 0.0}, Busy()),
        ({"stream": False, "first_byte": 0.0}, BadRequest()),
    ],
    ids=repr,
)
def test_request_that_opened_no_stream_has_no_stream_end(fields, outcome):
    assert stream_end_of(ended(**fields), outcome) == ""


def test_stream_opened_by_heartbeats_alone_has_an_end():
    x = ended(first_byte=0.0, commit_early=True)
    assert stream_end_of(x, Broken(error_type="provider_cut")) == "upstream_cut"
