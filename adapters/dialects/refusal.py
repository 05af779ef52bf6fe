"""A whole reply that refuses: an error's document, its status, and when to come back."""

from __future__ import annotations

import math
from collections.abc import Callable

import orjson

from pipeline.errors import MethodNotAllowed, ProxyError
from pipeline.exchange import Chunk, Headers, Reply

JSON: Headers = [(b"content-type", b"application/json")]


def expect(due: str, method: str) -> None:
    """Let only this HTTP method pass, and HEAD where that is GET. Errors: MethodNotAllowed."""
    if method not in {due, "HEAD" if due == "GET" else due}:
        raise MethodNotAllowed(due, method)


def refusal(exc: ProxyError, document: Callable[[ProxyError], Chunk]) -> Reply:
    """Return the reply for an error that nothing has gone out before; `document` writes it in a dialect."""
    headers = list(JSON)
    if exc.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(exc.retry_after)))
    if isinstance(exc, MethodNotAllowed):
        headers.append((b"allow", exc.allow.encode()))  # RFC 9110 section 15.5.6
    return Reply(status=exc.status, headers=headers, body=orjson.dumps(document(exc)))
