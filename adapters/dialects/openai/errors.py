"""Errors as OpenAI's client libraries understand them.

Source: OpenAI API reference, error codes.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.errors import NotFound, ProxyError, Unauthorized

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_OUT_OF_QUOTA = frozenset({"provider_quota_day", "policy_budget"})
_TOO_LONG = re.compile(r"input token count .* exceeds the maximum number of tokens", re.IGNORECASE)


def error_document(exc: ProxyError) -> dict[str, Any]:
    """Return the error object: OpenAI's own `code` where it has one, else our error_type."""
    return {
        "error": {
            "message": exc.message,
            "type": _TYPES.get(exc.status, "invalid_request_error" if exc.status < 500 else "server_error"),
            "param": exc.field,
            "code": _code(exc),
        }
    }


def _code(exc: ProxyError) -> str:
    if isinstance(exc, Unauthorized):
        return "invalid_api_key"
    if exc.status == 429:
        return "insufficient_quota" if exc.error_type in _OUT_OF_QUOTA else "rate_limit_exceeded"
    if exc.status == 404 and (exc.field == "model" or not isinstance(exc, NotFound)):
        return "model_not_found"
    if exc.status == 400 and _TOO_LONG.search(exc.message):
        return "context_length_exceeded"
    return exc.error_type
