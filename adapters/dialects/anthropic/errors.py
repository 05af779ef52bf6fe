"""Errors in Anthropic's shape, so that its client libraries raise their own exceptions."""

from __future__ import annotations

from pipeline.errors import ProxyError
from pipeline.exchange import Chunk

# Anthropic API reference, Errors.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_document(exc: ProxyError) -> Chunk:
    """Return `{"type": "error", "error": {…}}`; `code` is our own word from the closed vocabulary."""
    kind = _TYPES.get(exc.status, "invalid_request_error" if exc.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": exc.message, "code": exc.error_type}}
