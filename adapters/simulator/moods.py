"""The five ways in which loadCodeAssist receives an account.

Source: upstream-wire.md §0.1, §2.7.
"""

from __future__ import annotations

from typing import Any

from adapters.simulator.scenario import Mood

_STANDARD = {
    "id": "standard-tier",
    "name": "Gemini Code Assist",
    "description": "Unlimited coding assistant with the most powerful Gemini models",
    "userDefinedCloudaicompanionProject": True,
    "privacyNotice": {},
}
_FREE = {
    "id": "free-tier",
    "name": "Gemini Code Assist for individuals",
    "description": "Gemini-powered code suggestions and chat in your IDE",
    "privacyNotice": {"showNotice": True, "noticeText": "Made-up notice."},
}
_CLOSED = (
    "This client is no longer supported for Gemini Code Assist for individuals. To continue using Gemini, please"
    " migrate to the Antigravity suite of products: https://antigravity.google"
)
VALIDATION_URL = "https://accounts.google.com/signin/continue?sarp=1&plt=made-up"


def received(mood: Mood, project: str) -> dict[str, Any]:
    """The answer of loadCodeAssist; `project` is the one Google gave to the account, if any."""
    if mood in ("onboarded", "no-project"):
        return _known(project)
    if mood == "free-tier":
        return {"allowedTiers": [{**_FREE, "isDefault": True}, _STANDARD], "gcpManaged": False}
    if mood == "unsupported-client":
        return {
            "allowedTiers": [{**_STANDARD, "isDefault": True}],
            "ineligibleTiers": [_ineligible("UNSUPPORTED_CLIENT", _CLOSED)],
        }
    validation = {
        "validationErrorMessage": "Verify your account to continue.",
        "validationUrl": VALIDATION_URL,
        "validationUrlLinkText": "Verify your account",
        "validationLearnMoreUrl": "https://support.google.com/accounts?p=al_alert",
        "validationLearnMoreLinkText": "Learn more",
    }
    refused = _ineligible("VALIDATION_REQUIRED", "Verify your account to continue.")
    return {"allowedTiers": [{**_STANDARD, "isDefault": True}], "ineligibleTiers": [refused | validation]}


def _known(project: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "currentTier": {**_STANDARD, "hasAcceptedTos": True, "hasOnboardedPreviously": True},
        "allowedTiers": [{**_STANDARD, "isDefault": True}],
        "gcpManaged": False,
    }
    return body | {"cloudaicompanionProject": project} if project else body


def _ineligible(code: str, message: str) -> dict[str, str]:
    return {
        "reasonCode": code,
        "reasonMessage": message,
        "tierId": "free-tier",
        "tierName": "Gemini Code Assist for individuals",
    }
