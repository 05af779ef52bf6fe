"""Errors in Google's shape, so that Google's own client libraries raise their own exceptions."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pipeline.errors import ProxyError, Unauthorized, UpstreamError
from pipeline.exchange import Chunk

# google/rpc/code.proto, read backwards: the word for each HTTP status.
STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_RPC = "type.googleapis.com/google.rpc."


def error_document(exc: ProxyError) -> Chunk:
    """Return `{"error": {…}}`; client libraries know it within a stream by its first key."""
    word = STATUS_WORDS.get(exc.status, "INVALID_ARGUMENT" if exc.status < 500 else "INTERNAL")
    return {"error": {"code": exc.status, "message": exc.message, "status": word, "details": list(_details(exc))}}


def _details(exc: ProxyError) -> Iterator[Chunk]:
    # API_KEY_INVALID is what Google's libraries and the tools around them look for.
    reason = "API_KEY_INVALID" if isinstance(exc, Unauthorized) else exc.error_type.upper()
    yield {
        "@type": f"{_RPC}ErrorInfo",
        "reason": reason,
        "domain": "pollux",
        "metadata": {"error_type": exc.error_type},
    }
    if exc.retry_after is not None:
        yield {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{math.ceil(exc.retry_after)}s"}
    if exc.field:
        violation = {"field": exc.field, "description": exc.message}
        yield {"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]}
    elif isinstance(exc, UpstreamError):
        yield from _violations(exc)


def _violations(exc: UpstreamError) -> Iterator[Chunk]:
    """What upstream found wrong with the request; its other details speak of our own projects and quotas."""
    details = (exc.detail or {}).get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and detail.get("@type") == f"{_RPC}BadRequest":
            yield detail
