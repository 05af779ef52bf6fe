"""How a service account asks for a token: a statement signed with its own key."""

from __future__ import annotations

from typing import Any

from pipeline.errors import Refused, Verdict

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_LIFETIME = 3600


def grant(account: dict[str, Any], scopes: list[str], now: float) -> dict[str, str]:
    """Return the form that asks the token endpoint for a token.

    Errors: Refused, disabling the credential, when its file holds no key that can sign.
    Source: RFC 7523 §2.1; https://developers.google.com/identity/protocols/oauth2/service-account.
    """
    import jwt  # 20 MB that only service accounts need

    claims = {
        "iss": account.get("client_email", ""),
        "scope": " ".join(scopes) or SCOPE,
        "aud": account.get("token_uri") or _AUDIENCE,
        "iat": int(now),
        "exp": int(now) + _LIFETIME,
    }
    headers = {"kid": account["private_key_id"]} if account.get("private_key_id") else None
    try:
        assertion = jwt.encode(claims, account.get("private_key", ""), algorithm="RS256", headers=headers)
    except (jwt.InvalidKeyError, ValueError, TypeError) as exc:
        raise Refused(
            "The proxy's service account cannot sign.",
            verdict=Verdict("credential", "disable", None, f"private_key: {exc}"),
            status=502,
            error_type="provider_auth",
        ) from exc
    return {"grant_type": GRANT_TYPE, "assertion": assertion}
