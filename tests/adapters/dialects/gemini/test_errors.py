"""Errors in Google's shape."""

import json

import pytest

from adapters.dialects.gemini import Gemini
from adapters.dialects.gemini.encoders import EventStream
from pipeline.errors import (
    BadRequest,
    Busy,
    Limited,
    NoCredential,
    NotFound,
    ProxyError,
    Refused,
    TooLarge,
    Unauthorized,
)


def error(exc: ProxyError):
    reply = Gemini().error(exc)
    document = json.loads(reply.body or b"")
    assert document["error"]["code"] == reply.status == exc.status
    return document["error"]


@pytest.mark.parametrize(
    ("exc", "word", "reason"),
    [
        (BadRequest("bad"), "INVALID_ARGUMENT", "CALLER_INVALID"),
        (Unauthorized(), "UNAUTHENTICATED", "API_KEY_INVALID"),
        (NotFound("no"), "NOT_FOUND", "CALLER_INVALID"),
        (TooLarge(), "INVALID_ARGUMENT", "CALLER_TOO_LARGE"),
        (Limited(), "RESOURCE_EXHAUSTED", "POLICY_RATE_LIMIT"),
        (ProxyError(), "INTERNAL", "PROXY_INTERNAL"),
        (NoCredential(), "UNAVAILABLE", "PROXY_NO_CREDENTIAL"),
        (Busy(), "RESOURCE_EXHAUSTED", "PROVIDER_RATE_LIMIT"),
        (Refused(status=418), "INVALID_ARGUMENT", "PROVIDER_INVALID_REQUEST"),
    ],
)
def test_error_has_googles_shape_and_our_reason(exc, word, reason):
    document = error(exc)
    assert document["status"] == word
    assert document["details"][0]["reason"] == reason
    assert document["details"][0]["metadata"] == {"error_type": exc.error_type}


def test_retry_after_is_a_header_and_a_retry_info():
    reply = Gemini().error(Limited(retry_after=2.2))
    assert (b"retry-after", b"3") in reply.headers
    assert json.loads(reply.body or b"")["error"]["details"][1]["retryDelay"] == "3s"


def test_field_is_a_violation():
    assert error(BadRequest("contents: missing", field="contents"))["details"][1]["fieldViolations"] == [
        {"field": "contents", "description": "contents: missing"}
    ]


def test_upstreams_violations_pass_and_its_quotas_do_not():
    bad = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "f"}]}
    quota = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"subject": "projects/1"}],
    }
    assert error(Refused("no", detail={"details": [quota, bad]}))["details"][1:] == [bad]


def test_error_event_has_error_as_its_first_key():
    event = EventStream().error_event(Limited("later"))
    assert event.startswith(b'data: {"error":{"code":429,')
    assert event.endswith(b"\r\n\r\n")
