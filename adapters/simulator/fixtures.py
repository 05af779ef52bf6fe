"""Every error body that Google is known to send, by name, as data.

Source: upstream-wire.md §1.2 and §4. `$MODEL`, `$PROJECT`, `$RESET` are filled in when one is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from adapters.simulator.details import (
    CODE_ASSIST,
    GEMINI,
    Fixture,
    bad_key,
    capacity,
    code_assist_quota,
    error,
    html,
    info,
    links,
    oauth,
    quota,
    service_disabled,
)

_RESET_AFTER = timedelta(hours=13, minutes=19, seconds=1)
_VALIDATION_URL = "https://accounts.google.com/signin/continue?sarp=1&plt=made-up"
_BAD_CREDENTIALS = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
    " authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_OLD_LIMIT = "Gemini 2.5 Pro Requests per day per user per tier"

FIXTURES: dict[str, Fixture] = {
    "400": error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "400-key": bad_key("API key not valid. Please pass a valid API key."),
    "400-key-expired": bad_key("API key expired. Please renew the API key."),
    "400-location": error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "400-multiple-credentials": error(
        400,
        "INVALID_ARGUMENT",
        "Multiple authentication credentials received. Please pass only one.",
    ),
    "400-precondition": error(400, "FAILED_PRECONDITION", "Precondition check failed."),
    "400-schema": error(
        400,
        "INVALID_ARGUMENT",
        'Invalid JSON payload received. Unknown name "parametersJsonSchema" at'
        " 'request.tools[0].function_declarations[0]': Cannot find field.",
    ),
    "400-schema-answer": error(
        400,
        "INVALID_ARGUMENT",
        "GenerateContentRequest.generation_config.response_json_schema: the schema is not supported.",
    ),
    "400-signature": error(400, "INVALID_ARGUMENT", "Corrupted thought signature."),
    "400-signature-invalid": error(400, "INVALID_ARGUMENT", "Invalid thought signature"),
    "400-too-long": error(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "401": error(
        401,
        "UNAUTHENTICATED",
        _BAD_CREDENTIALS,
        info(
            "ACCESS_TOKEN_EXPIRED",
            service=CODE_ASSIST,
            method="google.internal.cloud.code.v1internal.PredictionService.GenerateContent",
        ),
    ),
    "401-missing": error(
        401,
        "UNAUTHENTICATED",
        _BAD_CREDENTIALS.replace(
            "had invalid authentication credentials", "is missing required authentication credential"
        ),
        info("CREDENTIALS_MISSING", service=CODE_ASSIST),
    ),
    "403": error(403, "PERMISSION_DENIED", "The caller does not have permission"),
    "403-no-key": error(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or"
        " other form of API consumer identity to call this API.",
    ),
    "403-leaked": error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
    "403-suspended": error(
        403,
        "PERMISSION_DENIED",
        "Permission denied: Consumer 'api_key:made-up' has been suspended.",
        info("CONSUMER_SUSPENDED", service=GEMINI, consumer="projects/123456789"),
    ),
    "403-iam": error(
        403,
        "PERMISSION_DENIED",
        "Permission 'cloudaicompanion.companions.generateChat' denied on resource"
        " '//cloudaicompanion.googleapis.com/projects/$PROJECT/locations/global' (or it may not exist).",
        info(
            "IAM_PERMISSION_DENIED",
            "cloudaicompanion.googleapis.com",
            permission="cloudaicompanion.companions.generateChat",
            resource="projects/$PROJECT/locations/global",
        ),
    ),
    "403-service-disabled": service_disabled(
        "Gemini for Google Cloud API", "cloudaicompanion.googleapis.com", "$PROJECT"
    ),
    "403-no-project": service_disabled("Cloud Code Private API", CODE_ASSIST, "123456789012"),
    "403-validation": error(
        403,
        "PERMISSION_DENIED",
        "Verify your account to continue.",
        info("VALIDATION_REQUIRED", CODE_ASSIST, validation_link=_VALIDATION_URL),
        links(
            "Verify your account",
            _VALIDATION_URL,
            {"description": "Learn more", "url": "https://support.google.com/accounts?p=al_alert"},
        ),
    ),
    "403-tos": error(
        403,
        "PERMISSION_DENIED",
        "This service has been disabled in this account for violation of Terms of Service. Please submit an"
        " appeal to continue using this product.",
        info("TOS_VIOLATION", CODE_ASSIST),
    ),
    "403-vpc": error(
        403,
        "PERMISSION_DENIED",
        "Request is prohibited by organization's policy.",
        info("SECURITY_POLICY_VIOLATED", service=CODE_ASSIST),
    ),
    "404": error(404, "NOT_FOUND", "Requested entity was not found."),
    "404-model": error(
        404,
        "NOT_FOUND",
        "models/$MODEL is not found for API version v1beta, or is not supported for generateContent. Call"
        " ListModels to see the list of available models and their supported methods.",
    ),
    "404-retired": error(
        404,
        "NOT_FOUND",
        "This model models/$MODEL is no longer available to new users. Please update your code to use a newer"
        " model for the latest features and improvements.",
    ),
    "404-html": html(404, "Not Found"),
    "413-html": html(413, "Request Entity Too Large"),
    "429-per-minute": quota("Minute", "5", "44.094575613"),
    "429-per-day": quota("Day", "250", "20.311287219"),
    "429-limit-0": quota("Day", "0", "39.504982411"),
    "429-bare": error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "429-vertex": error(
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later. Please refer to"
        " https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
    ),
    "429-code-assist-quota": code_assist_quota("QUOTA_EXHAUSTED", "13h19m1.20964964s", "$RESET", "47941.209649640s"),
    "429-code-assist-rate": code_assist_quota("RATE_LIMIT_EXCEEDED", "2.539477544s", "$SOON", "2.539477544s"),
    "429-code-assist-old": error(
        429,
        "RESOURCE_EXHAUSTED",
        f"Quota exceeded for quota metric 'Gemini 2.5 Pro Requests' and limit '{_OLD_LIMIT}' of service"
        " 'cloudcode-pa.googleapis.com' for consumer 'project_number:123456789012'.",
        info(
            "RATE_LIMIT_EXCEEDED",
            quota_metric="cloudcode-pa.googleapis.com/gemini_2_5_pro_requests",
            quota_limit="GeminiTwoPointFiveProRequestsPerDayPerUserPerTier",
            quota_limit_value="100",
            quota_unit="1/d/{project}/{user}",
            consumer="projects/123456789012",
            service=CODE_ASSIST,
        ),
    ),
    "429-individual": error(
        429, "RESOURCE_EXHAUSTED", "Individual quota reached. Please try again later. Resets in 9h22m20s."
    ),
    "429-credits": error(
        429,
        "RESOURCE_EXHAUSTED",
        "Insufficient Google One AI credits.",
        info("INSUFFICIENT_G1_CREDITS_BALANCE", CODE_ASSIST),
    ),
    "capacity": capacity(429, "RESOURCE_EXHAUSTED"),
    "capacity-503": capacity(503, "UNAVAILABLE"),
    "499": error(499, "CANCELLED", "The operation was cancelled."),
    "500": error(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in"
        " https://developers.generativeai.google/guide/troubleshooting",
    ),
    "html-500": html(500, "Server Error"),
    "html-502": html(502, "Server Error"),
    "html-504": html(504, "Gateway Timeout"),
    "503": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "503-demand": error(
        503,
        "UNAVAILABLE",
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try"
        " again later.",
    ),
    "504": error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "invalid_grant": oauth(400, "invalid_grant", "Token has been expired or revoked."),
    "invalid_grant-foreign": oauth(400, "invalid_grant", "Bad Request"),
    "invalid_grant-code": oauth(400, "invalid_grant", "Malformed auth code."),
    "invalid_grant-clock": oauth(
        400,
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        " Check your iat and exp values in the JWT claim.",
    ),
    "invalid_rapt": oauth(
        400,
        "invalid_grant",
        "reauth related error (invalid_rapt)",
        error_uri="https://support.google.com/a/answer/9368756",
        error_subtype="invalid_rapt",
    ),
    "invalid_client": oauth(401, "invalid_client", "The OAuth client was not found."),
    "invalid_client-secret": oauth(401, "invalid_client", "Unauthorized"),
    "unauthorized_client": oauth(401, "unauthorized_client", "Unauthorized"),
    "redirect_uri_mismatch": oauth(400, "redirect_uri_mismatch", "Bad Request"),
    "unsupported_grant_type": oauth(400, "unsupported_grant_type", "Invalid grant_type: $MODEL"),
    "invalid_token": oauth(400, "invalid_token", "Invalid Value"),
}


def fill(body: Any, model: str, project: str) -> Any:
    """A copy of a fixture's body with its placeholders filled in."""
    now = datetime.now(UTC)
    text = orjson.dumps(body).decode()
    for name, value in (
        ("$MODEL", model or "gemini-3.8-flash"),
        ("$PROJECT", project or "test-project-1"),
        ("$RESET", f"{now + _RESET_AFTER:%Y-%m-%dT%H:%M:%SZ}"),
        ("$SOON", f"{now + timedelta(seconds=3):%Y-%m-%dT%H:%M:%SZ}"),
    ):
        text = text.replace(name, orjson.dumps(value).decode()[1:-1])
    return orjson.loads(text)
