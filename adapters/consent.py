"""How a person lends Pollux an account: the page to open, and what comes back from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from msgspec import Struct

from adapters.endpoints import GOOGLE, Endpoints
from adapters.oauth import FORM, OAuthClient, read_granted
from pipeline.errors import BadRequest
from pipeline.ports import Credential

if TYPE_CHECKING:
    from adapters.egress import Egress
    from pipeline.ports import Clock

_SCOPE = "https://www.googleapis.com/auth/"
SCOPES = [_SCOPE + name for name in ("cloud-platform", "userinfo.email", "userinfo.profile")]


class Consent(Struct, frozen=True):
    """One attempt at consent, from the page to the code. `url` is for the person; the rest stays here."""

    url: str
    state: str
    verifier: str
    redirect_uri: str


def ask_consent(client: OAuthClient, redirect_uri: str, endpoints: Endpoints = GOOGLE) -> Consent:
    """Return the page on which a person consents.

    Source: RFC 7636; without `prompt=consent` Google gives a refresh token at the first consent only.
    """
    state, verifier = secrets.token_hex(32), secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": client.id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "access_type": "offline",
        "prompt": "consent",
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }
    return Consent(f"{endpoints.accounts}/o/oauth2/v2/auth?{urlencode(query)}", state, verifier, redirect_uri)


def code_of(consent: Consent, callback: str) -> str:
    """Return the code in the URL that the person was sent back to, pasted or received.

    Errors: BadRequest when consent was refused, or the URL belongs to another attempt.
    """
    query = {name: values[-1] for name, values in parse_qs(urlsplit(callback.strip()).query).items()}
    if not hmac.compare_digest(query.get("state", "").encode(), consent.state.encode()):
        raise BadRequest("This callback belongs to another login.", field="state")
    if "error" in query:
        raise BadRequest(f"Google did not grant consent: {query['error']}.", field="error")
    if not query.get("code"):
        raise BadRequest("The callback holds no code.", field="code")
    return query["code"]


async def exchange(
    egress: Egress, clock: Clock, consent: Consent, client: OAuthClient, code: str, endpoints: Endpoints = GOOGLE
) -> Credential:
    """Turn a code into a Code Assist credential whose project is still to be discovered; its id is the store's.

    Errors: Refused and Broken as for a refresh.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client.id,
        "client_secret": client.secret,
        "redirect_uri": consent.redirect_uri,
        "code_verifier": consent.verifier,
    }
    fetched = await egress.fetch("POST", f"{endpoints.oauth}/token", FORM, urlencode(form).encode())
    granted = read_granted(fetched)
    return Credential(
        id="",
        kind="code_assist",
        access_token=granted.access_token,
        refresh_token=granted.refresh_token,
        expires_at=clock.now() + granted.expires_in,
        client_id=client.id,
        client_secret=client.secret,
        scopes=list(SCOPES),
        projects=["_auto"],
        email=await email_of(egress, granted.access_token, endpoints),
    )


async def email_of(egress: Egress, token: str, endpoints: Endpoints = GOOGLE) -> str:
    """Return the e-mail address of a token's account, or an empty string when Google does not say."""
    headers = [(b"authorization", b"Bearer " + token.encode())]
    fetched = await egress.fetch("GET", f"{endpoints.googleapis}/oauth2/v2/userinfo", headers)
    try:
        person: Any = msgspec.json.decode(fetched.body) if fetched.status == 200 else {}
    except msgspec.MsgspecError:
        return ""
    email = person.get("email") if isinstance(person, dict) else ""
    return email if isinstance(email, str) else ""
