"""What an error answer of Google's says, whatever form it came in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
from msgspec import Struct, field

from pipeline.exchange import Chunk, Headers

_SECRET = re.compile(
    r"(?i)(\bkey=|api_key:|access_token=|refresh_token=|bearer\s+)[^\s&\"'\\,;)]+"
    r"|\b(?:AIza|AQ\.|IQ\.|ya29\.|1//)[\w.\-]{6,}"
)
_STATUS_WORDS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


class Facts(Struct, frozen=True):
    """An error answer, read once.

    Shape: `error` is Google's error object, empty when the body held none (HTML, nothing); `reason`, `domain`
        and `metadata` come from ErrorInfo, `quotas` from QuotaFailure and ErrorInfo, `links` from Help.
        No secret is in any of them.
    """

    status: int
    word: str = ""
    message: str = ""
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    quotas: str = ""
    retry_delay: str = ""
    retry_after: str = ""
    links: list[str] = field(default_factory=list)
    error: Chunk = field(default_factory=dict)


def redact(text: str) -> str:
    """Blank out what looks like a key or a token, keeping the word that says what it was."""
    return _SECRET.sub(lambda found: f"{found[1] or ''}***", text)


def read_facts(status: int, headers: Headers, body: bytes) -> Facts:
    """Read an error answer. Never fails: what cannot be understood is left empty."""
    error = error_of(body)
    retry_after = next((value.decode("latin-1") for name, value in headers if name == b"retry-after"), "")
    return facts_of(error, status=status, retry_after=retry_after)


def facts_of(error: Chunk, status: int = 0, retry_after: str = "") -> Facts:
    """Read one error object, as it stands in a body or in an event; `status` wins over its own code."""
    message = _text(error.get("message"))
    nested = error_of(message.encode()) if message.lstrip().startswith(("{", "[")) else {}
    if nested:
        error, message = {**error, **nested}, _text(nested.get("message"))
    details = [detail for detail in _list(error.get("details")) if isinstance(detail, dict)]
    info = _info(details)
    metadata = {key: _text(value) for key, value in _dict(info.get("metadata")).items()}
    code = status or _code(error.get("code"))
    quotas = [*_quota_ids(details), metadata.get("quota_limit", ""), metadata.get("quota_unit", "")]
    return Facts(
        status=code,
        word=_text(error.get("status")) or _STATUS_WORDS.get(code, ""),
        message=message,
        reason=_text(info.get("reason")),
        domain=re.sub(r"[^A-Za-z0-9.\-]", "", _text(info.get("domain"))),
        metadata=metadata,
        quotas=" ".join(quotas),
        retry_delay=next((_text(each["retryDelay"]) for each in details if "retryDelay" in each), ""),
        retry_after=retry_after,
        links=list(_links(details)),
        error=error,
    )


def error_of(body: bytes) -> Chunk:
    """Return the error object of a body: an object, or an array of one, with stray separators or without.

    Source: Code Assist and streams without alt=sse send `[{"error": ...}]`, sometimes with a comma too many.
    """
    text = redact(body.decode("utf-8", "replace")).strip()
    if "{" not in text or text.startswith("<"):
        return {}
    for attempt in (text, text[text.index("{") : text.rindex("}") + 1] if "}" in text else ""):
        try:
            found = orjson.loads(attempt)
        except orjson.JSONDecodeError:
            continue
        return _unwrapped(found)
    return {}


def _unwrapped(found: Any) -> Chunk:
    if isinstance(found, list):
        found = next((each for each in found if isinstance(each, dict)), {})
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str):  # OAuth's own form, RFC 6749 §5.2
        return {"message": found.get("error_description") or error, "status": error}
    return error if isinstance(error, dict) else {}


def _info(details: list[dict[str, Any]]) -> dict[str, Any]:
    return next((detail for detail in details if "reason" in detail), {})


def _quota_ids(details: list[dict[str, Any]]) -> Iterator[str]:
    for detail in details:
        for violation in _list(detail.get("violations")):
            yield _text(_dict(violation).get("quotaId"))


def _links(details: list[dict[str, Any]]) -> Iterator[str]:
    for detail in details:
        for link in _list(detail.get("links")):
            yield _text(_dict(link).get("url"))


def _code(value: object) -> int:
    return value if isinstance(value, int) and 400 <= value <= 599 else 500


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
