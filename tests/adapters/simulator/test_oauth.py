"""Consent, exchange, refresh and revocation, and the ways in which each is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.simulator import Account, Fault

CLIENT = {"client_id": "made-up-client.apps.example", "client_secret": "made-up-secret"}
CALLBACK = "http://127.0.0.1:8085/oauth2callback"
KNOWN = Account("test-refresh-1", "ann@example.test", client_id=CLIENT["client_id"])


@pytest.fixture
def token(call):
    async def post(**form: str):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await call("/token", urlencode(CLIENT | form).encode(), **headers)

    return post


@pytest.fixture
def consent(call):
    async def get(**more: str) -> str:
        query = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "access_type": "offline",
            "state": "s1",
        }
        answer = await call("/o/oauth2/v2/auth?" + urlencode(query | more))
        assert answer.status == 302
        place = parse_qs(urlsplit(answer.headers["location"]).query)
        assert place["state"] == ["s1"]
        return str(place["code"][0])

    return get


def _exchange(code: str, **more: str) -> dict[str, str]:
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **more}


async def test_first_consent_gives_a_refresh_token_and_a_second_does_not(sim, token, consent):
    sim.script(accounts=[KNOWN])
    first = (await token(**_exchange(await consent()))).json
    assert first["refresh_token"] == "test-refresh-1"
    assert first["id_token"].startswith("eyJ")
    assert "refresh_token" not in (await token(**_exchange(await consent()))).json
    assert "refresh_token" in (await token(**_exchange(await consent(prompt="consent")))).json


async def test_code_works_once_with_the_same_redirect_and_verifier(token, consent):
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = await consent(code_challenge=challenge, code_challenge_method="S256")
    wrong = await token(**_exchange(code, redirect_uri="http://elsewhere.example"))
    assert wrong.json["error"] == "redirect_uri_mismatch"
    assert (await token(**_exchange(code))).json["error"] == "invalid_grant"
    assert (await token(**_exchange(code, code_verifier=verifier))).status == 200
    assert (await token(**_exchange(code, code_verifier=verifier))).json["error_description"] == "Malformed auth code."


async def test_refresh_merges_into_nothing_new(sim, token, call):
    sim.script(accounts=[KNOWN])
    answer = (await token(grant_type="refresh_token", refresh_token="test-refresh-1")).json
    assert "refresh_token" not in answer
    person = await call("/oauth2/v2/userinfo", bearer=answer["access_token"])
    assert person.json["email"] == "ann@example.test"
    assert (await call("/tokeninfo", b"", bearer=answer["access_token"])).status == 200
    assert (await call("/tokeninfo", b"", bearer="other")).json["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"refresh_token": "nobody"}, 400, "invalid_grant"),
        ({"refresh_token": "test-refresh-1", "client_id": "another.apps.example"}, 401, "unauthorized_client"),
        ({"refresh_token": "test-refresh-1", "client_id": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_refresh_is_refused_with_a_string_error(sim, token, form, status, error):
    sim.script(accounts=[KNOWN])
    answer = await token(**({"grant_type": "refresh_token"} | form))
    assert (answer.status, answer.json["error"]) == (status, error)


async def test_faults_can_name_the_refresh_token(sim, token):
    sim.script(Fault("invalid_rapt", credential="test-refresh-1"))
    refused = (await token(grant_type="refresh_token", refresh_token="test-refresh-1")).json
    assert refused["error_subtype"] == "invalid_rapt"
    assert (await token(grant_type="refresh_token", refresh_token="test-refresh-2")).status == 200


async def test_expired_and_revoked_tokens_get_401(sim, token, call):
    sim.script(token_lifetime=0.05)
    first = (await token(grant_type="refresh_token", refresh_token="test-refresh-1")).json["access_token"]
    assert (await call("/v1/projects", bearer=first)).status == 200
    await asyncio.sleep(0.06)
    expired = await call("/v1/projects", bearer=first)
    assert (expired.status, expired.json["error"]["details"][0]["reason"]) == (401, "ACCESS_TOKEN_EXPIRED")
    sim.script(token_lifetime=60)
    second = (await token(grant_type="refresh_token", refresh_token="test-refresh-1")).json["access_token"]
    assert (await call("/revoke?token=" + second, b"")).status == 200
    assert (await call("/v1/projects", bearer=second)).status == 401
    revoked = await token(grant_type="refresh_token", refresh_token="test-refresh-1")
    assert revoked.json["error_description"] == "Token has been expired or revoked."


async def test_refresh_latency_delays_the_token(sim, token):
    sim.script(refresh_latency=0.05)
    started = time.monotonic()
    await token(grant_type="refresh_token", refresh_token="test-refresh-1")
    assert time.monotonic() - started >= 0.05


async def test_service_account_grant_is_checked_against_its_key(sim, token):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = {"iss": "robot@example.test", "aud": "https://oauth2.googleapis.com/token", "exp": time.time() + 60}
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (await token(grant_type=grant, assertion=jwt.encode(claims, other, "RS256"))).status == 200
    sim.script(service_accounts={"robot@example.test": public.decode()})
    assert (await token(grant_type=grant, assertion=jwt.encode(claims, other, "RS256"))).status == 400
    assert (await token(grant_type=grant, assertion=jwt.encode(claims, key, "RS256"))).status == 200
    assert (await token(grant_type=grant, assertion="x.y.z")).json["error"] == "invalid_grant"
