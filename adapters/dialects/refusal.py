"""A whole reply that refuses: an error's document, its status, and when to come back."""

from __future__ import annotations

import math
from collections.abc import Callable

import orjson

from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Headers, Reply

JSON: Headers = [(b"content-type", b"application/json")]


def refusal(exc: ProxyError, document: Callable[[ProxyError], Chunk]) -> Reply:
    """Return the reply for an error that nothing has gone out before; `document` writes it in a dialect."""
    headers = list(JSON)
    if exc.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(exc.retry_after)))
    return Reply(status=exc.status, headers=headers, body=orjson.dumps(document(exc)))
