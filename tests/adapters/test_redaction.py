"""No secret survives in text or events, and nothing else is touched."""

from __future__ import annotations

import orjson
import pytest

from adapters.redaction import HIDDEN, redact, redact_event

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    "text",
    [
        f"authorization: Bearer {CANARY}",
        f"Authorization: Basic {CANARY}",
        f"proxy-authorization: Bearer {CANARY}",
        f"{{'authorization': 'Bearer {CANARY}'}}",
        f"[(b'authorization', b'Bearer {CANARY}')]",
        f"[(b'x-goog-api-key', b'{CANARY}')]",
        f"x-api-key: {CANARY}",
        f'{{"access_token":"{CANARY}","expires_in":3599}}',
        f'{{\\"client_secret\\":\\"{CANARY}\\"}}',
        f"GET /v1beta/models?alt=sse&key={CANARY} HTTP/1.1",
        f"http://localhost/callback?code={CANARY}&scope=x",
        f"grant_type=refresh_token&refresh_token={CANARY}&client_id=made-up",
        f"assertion={CANARY}",
        f"password='two words {CANARY}'",
        f"API_PASSWORD={CANARY}",
        f"Incorrect API key: {CANARY}",
        f"Cookie: theme=dark; session={CANARY}",
        f"accessToken={CANARY}",
        f"-----BEGIN PRIVATE KEY-----\\n{CANARY}\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}",
    ],
)
def test_secret_with_a_name_is_hidden(text):
    redacted = redact(text)
    assert CANARY not in redacted
    assert HIDDEN in redacted


@pytest.mark.parametrize(
    "secret",
    [
        "AIza" + "-made-up-key",
        "AQ." + "Ab8made-up.key",
        "ya29." + "a0-made-up",
        "1//" + "0made-up-token",
        "GOCSPX" + "-made-up",
        "sk-" + "made-up-key",
        "eyJ" + "hbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
    ],
)
@pytest.mark.parametrize("around", ["upstream said {} is bad", "{}", '["{}"]', "x={}"])
def test_secret_of_a_known_shape_is_hidden_anywhere(secret, around):
    redacted = redact(around.format(secret))
    assert secret not in redacted
    assert redacted == around.format(HIDDEN)


@pytest.mark.parametrize(
    "text",
    [
        "POST /v1beta/models/gemini-2.5-flash:generateContent",
        "max_tokens=5 totalTokenCount: 7",
        "The field 'key' is missing.",
        "API key not valid. Please pass a valid API key.",
        "monkey=5 code 400",
        "Token refresh failed with status 400",
        '{"event":"wrong panel password","level":"warning"}',
        "{'event': 'no token', 'level': 'warning'}",
    ],
)
def test_text_without_secrets_stays_as_it_is(text):
    assert redact(text) == text


def test_redacted_json_is_still_json():
    document = {"headers": {"authorization": f"Bearer {CANARY}"}, "key": "x", "n": [1, {"id_token": CANARY}]}
    redacted = redact(orjson.dumps(document).decode())
    assert CANARY not in redacted
    assert orjson.loads(redacted)["n"][0] == 1


def test_member_after_a_text_that_ends_like_a_name_is_hidden_by_its_own_name():
    assert redact(f'{{"event":"no token","secret":"{CANARY}"}}') == '{"event":"no token","secret":"***"}'


def test_long_text_is_redacted_in_linear_time():
    text = "token_" * 100_000 + "Ab9_" * 100_000
    assert redact(text) == text


class Opaque:
    def __repr__(self) -> str:
        return f"Opaque(refresh_token='{CANARY}')"


def test_event_is_hidden_at_every_depth():
    event = {
        "event": "call",
        "api_key": CANARY,
        "headers": [(b"x-goog-api-key", CANARY.encode()), (b"accept", b"*/*")],
        "body": {"credential": {"client_secret": CANARY, "n": 1}, b"token": CANARY},
        "obj": Opaque(),
        "tags": {f"token={CANARY}"},
    }
    redacted = redact_event(None, "info", event)
    assert CANARY not in repr(redacted)
    assert redacted["headers"][1] == ["accept", "*/*"]
    assert redacted["body"]["credential"]["n"] == 1


def test_event_keeps_numbers_and_states():
    event = {"event": "x", "input_tokens": 5, "state": "cooling", "code": 429, "ok": True, "none": None}
    assert redact_event(None, "info", dict(event)) == event
