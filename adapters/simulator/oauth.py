"""Google's OAuth: consent, tokens, refresh, revocation, and the grant of service accounts.

Source: upstream-wire.md §1.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jwt

from adapters.simulator.refusal import Refusal
from adapters.simulator.reply import Reply, json_reply, redirect
from adapters.simulator.scenario import Account
from adapters.simulator.visit import Visit
from adapters.simulator.world import Grant

SCOPE = (
    "https://www.googleapis.com/auth/userinfo.email openid https://www.googleapis.com/auth/cloud-platform"
    " https://www.googleapis.com/auth/userinfo.profile"
)
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOLERANCE = 300.0
"""Seconds that an assertion may be from the future."""
_ID_TOKEN_KEY = "simulated-google-signs-nothing-that-matters"  # noqa: S105  a made-up key


def authorize(visit: Visit) -> Reply:
    """`GET /o/oauth2/v2/auth`: everybody consents at once and is sent back with a code."""
    query = visit.request.query
    target, client = query.get("redirect_uri", ""), query.get("client_id", "")
    if not target or not client or query.get("response_type") != "code":
        raise Refusal.named("400")
    _check_client(visit, client, None)
    account = visit.world.first_account()
    first = (account.email, client) not in visit.world.consents
    visit.world.consents.add((account.email, client))
    # A refresh token comes with the first consent only, unless the client asks for the page again.
    with_refresh = query.get("access_type") == "offline" and (first or "consent" in query.get("prompt", ""))
    code = f"4/simulated-{visit.world.number()}"
    visit.world.grants[code] = Grant(account, client, target, query.get("code_challenge", ""), with_refresh)
    answer = {"state": query.get("state", ""), "code": code, "scope": query.get("scope", SCOPE)}
    return redirect(target + ("&" if "?" in target else "?") + urlencode(answer))


def token(visit: Visit) -> Reply:
    """`POST /token`: exchange, refresh, or a service account's grant."""
    form = visit.request.form()
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise Refusal.named("unsupported_grant_type", form.get("grant_type") or "none")
    return json_reply(grant(visit, form), latency=visit.world.scenario.refresh_latency)


def revoke(visit: Visit) -> Reply:
    """`POST /revoke`."""
    given = visit.request.form().get("token") or visit.request.query.get("token", "")
    account = visit.world.bearer(given) or visit.world.account(given)
    if account is None:
        raise Refusal.named("invalid_token")
    visit.world.revoked.add(account.refresh_token)
    return json_reply({})


def tokeninfo(visit: Visit) -> Reply:
    """`POST /tokeninfo`."""
    caller = visit.caller()
    if caller.account is None:
        raise Refusal.named("invalid_token")
    lifetime = int(visit.world.scenario.token_lifetime)
    return json_reply({"email": caller.account.email, "expires_in": str(lifetime), "scope": SCOPE})


def userinfo(visit: Visit) -> Reply:
    """`GET /oauth2/v2/userinfo`."""
    account = visit.require_bearer().account
    email = account.email if account else ""
    name, _, domain = email.partition("@")
    number = str(int(hashlib.sha256(email.encode()).hexdigest()[:15], 16))
    person: dict[str, Any] = {"id": number, "email": email, "verified_email": True, "name": name.title()}
    if domain != "gmail.com":
        person["hd"] = domain
    return json_reply(person | {"given_name": name.title(), "picture": "https://pictures.example/made-up"})


def _exchange(visit: Visit, form: dict[str, str]) -> dict[str, Any]:
    grant = visit.world.grants.get(form.get("code", ""))
    if grant is None:
        raise Refusal.named("invalid_grant-code")
    _check_client(visit, form.get("client_id", ""), form.get("client_secret", ""))
    if form.get("redirect_uri") != grant.redirect_uri:
        raise Refusal.named("redirect_uri_mismatch")
    if form.get("client_id") != grant.client_id or _challenge(form, grant) != grant.challenge:
        raise Refusal.named("invalid_grant-foreign")
    del visit.world.grants[form["code"]]
    visit.world.revoked.discard(grant.account.refresh_token)
    issued = _issued(visit, grant.account)
    return issued | {"refresh_token": grant.account.refresh_token} if grant.with_refresh else issued


def _challenge(form: dict[str, str], grant: Grant) -> str:
    if not grant.challenge:
        return ""
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _refresh(visit: Visit, form: dict[str, str]) -> dict[str, Any]:
    _check_client(visit, form.get("client_id", ""), form.get("client_secret", ""))
    given = form.get("refresh_token", "")
    account = visit.world.account(given) if given else None
    if account is None:
        raise Refusal.named("invalid_grant-foreign")
    if given in visit.world.revoked:
        raise Refusal.named("invalid_grant")
    if account.client_id and account.client_id != form.get("client_id"):
        raise Refusal.named("unauthorized_client")
    return _issued(visit, account)


def _service_account(visit: Visit, form: dict[str, str]) -> dict[str, Any]:
    assertion = form.get("assertion", "")
    known = visit.world.scenario.service_accounts
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
        email = str(claims["iss"])
        if not claims.get("iat", 0) - _TOLERANCE <= time.time() < claims["exp"]:
            raise Refusal.named("invalid_grant-clock")
        if known:
            jwt.decode(assertion, known.get(email, ""), algorithms=["RS256"], options={"verify_aud": False})
        elif jwt.get_unverified_header(assertion).get("alg") != "RS256":
            raise Refusal.named("invalid_grant-foreign")
    except (jwt.PyJWTError, KeyError) as exc:
        raise Refusal(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}) from exc
    account = visit.world.robot(email)
    token = visit.world.issue(account)
    return {"access_token": token, "expires_in": int(visit.world.scenario.token_lifetime), "token_type": "Bearer"}


def _issued(visit: Visit, account: Account) -> dict[str, Any]:
    claims = {"email": account.email, "email_verified": True, "iss": "https://accounts.google.com"}
    return {
        "access_token": visit.world.issue(account),
        "expires_in": int(visit.world.scenario.token_lifetime),
        "scope": SCOPE,
        "token_type": "Bearer",
        "id_token": jwt.encode(claims, _ID_TOKEN_KEY, algorithm="HS256"),
    }


def _check_client(visit: Visit, client: str, secret: str | None) -> None:
    """Refuse an unknown client; the consent page does not see the secret (None)."""
    clients = visit.world.scenario.clients
    if not client or (clients and client not in clients):
        raise Refusal.named("invalid_client")
    if clients and secret is not None and clients[client] != secret:
        raise Refusal.named("invalid_client-secret")


_GRANTS: dict[str, Callable[[Visit, dict[str, str]], dict[str, Any]]] = {
    "authorization_code": _exchange,
    "refresh_token": _refresh,
    _JWT_GRANT: _service_account,
}
