"""The pieces that Google's error bodies are built from."""

from __future__ import annotations

from typing import Any

GEMINI = "generativelanguage.googleapis.com"
CODE_ASSIST = "cloudcode-pa.googleapis.com"

_RPC = "type.googleapis.com/google.rpc."
_ACTIVATION = "https://console.developers.google.com/apis/api/{service}/overview?project={project}"

Fixture = tuple[int, dict[str, Any] | str]


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> Fixture:
    """The error object that all Google APIs share."""
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return code, {"error": body}


def oauth(code: int, name: str, description: str, **more: str) -> Fixture:
    """An OAuth error, where `error` is a string."""
    return code, {"error": name, "error_description": description, **more}


def html(code: int, title: str) -> Fixture:
    """The page that Google's front end shows when it fails itself."""
    return code, (
        f"<!DOCTYPE html>\n<html lang=en>\n<title>Error {code} ({title})!!1</title>\n<p><b>{code}.</b>"
        f" <ins>That's an error.</ins>\n<p>{title}. <ins>That's all we know.</ins>\n</html>\n"
    )


def info(reason: str, domain: str = "googleapis.com", **metadata: str) -> dict[str, Any]:
    """google.rpc.ErrorInfo."""
    body: dict[str, Any] = {"@type": _RPC + "ErrorInfo", "reason": reason, "domain": domain}
    return body | {"metadata": metadata} if metadata else body


def retry(delay: str) -> dict[str, Any]:
    """google.rpc.RetryInfo."""
    return {"@type": _RPC + "RetryInfo", "retryDelay": delay}


def links(description: str, url: str, *more: dict[str, str]) -> dict[str, Any]:
    """google.rpc.Help."""
    return {"@type": _RPC + "Help", "links": [{"description": description, "url": url}, *more]}


def localized(message: str) -> dict[str, Any]:
    """google.rpc.LocalizedMessage."""
    return {"@type": _RPC + "LocalizedMessage", "locale": "en-US", "message": message}


def field_violations(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """google.rpc.BadRequest: pairs of field and description."""
    violations = [{"field": name, "description": text} if name else {"description": text} for name, text in fields]
    return {"@type": _RPC + "BadRequest", "fieldViolations": violations}


def quota(period: str, limit: str, delay: str) -> Fixture:
    """429 of the public API: a quota per minute or day, with its QuotaFailure."""
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on"
        " this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage,"
        " head to: https://ai.dev/rate-limit. \n* Quota exceeded for metric:"
        f" {GEMINI}/generate_content_free_tier_requests, limit: {limit}, model: $MODEL\n"
        f"Please retry in {delay}s."
    )
    violation = {
        "quotaMetric": f"{GEMINI}/generate_content_free_tier_requests",
        "quotaId": f"GenerateRequestsPer{period}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": "$MODEL"},
        "quotaValue": limit,
    }
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        message,
        links("Learn more about Gemini API quotas", "https://ai.google.dev/gemini-api/docs/rate-limits"),
        {"@type": _RPC + "QuotaFailure", "violations": [violation]},
        retry(delay.split(".", maxsplit=1)[0] + "s"),
    )


def service_disabled(title: str, service: str, project: str) -> Fixture:
    """403: an API that nobody switched on in this project."""
    url = _ACTIVATION.format(service=service, project=project)
    message = (
        f"{title} has not been used in project {project} before or it is disabled. Enable it by visiting {url}"
        " then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our"
        " systems and retry."
    )
    metadata = {
        "serviceTitle": title,
        "consumer": f"projects/{project}",
        "containerInfo": project,
        "service": service,
        "activationUrl": url,
    }
    return error(
        403,
        "PERMISSION_DENIED",
        message,
        info("SERVICE_DISABLED", **metadata),
        localized(message),
        links("Google developers console API activation", url),
    )


def bad_key(message: str) -> Fixture:
    """400, not 401: an API key that is not valid."""
    return error(400, "INVALID_ARGUMENT", message, info("API_KEY_INVALID", service=GEMINI), localized(message))


def capacity(code: int, status: str) -> Fixture:
    """The servers of one model are full; nobody's quota is touched."""
    return error(
        code,
        status,
        "No capacity available for model $MODEL on the server",
        info("MODEL_CAPACITY_EXHAUSTED", CODE_ASSIST, model="$MODEL"),
        retry("9s"),
    )


def code_assist_quota(reason: str, delay: str, reset: str, seconds: str) -> Fixture:
    """429 of Code Assist: `delay` is a Go duration, `seconds` a protobuf one."""
    whole = delay.partition(".")[0]
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        f"You have exhausted your capacity on this model. Your quota will reset after {whole}s.",
        info(
            reason,
            CODE_ASSIST,
            uiMessage="true",
            model="$MODEL",
            quotaResetDelay=delay,
            quotaResetTimeStamp=reset,
        ),
        retry(seconds),
    )
