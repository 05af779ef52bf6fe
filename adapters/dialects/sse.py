"""What every stream of server-sent events shares: headers that keep proxies from holding or rewriting it."""

from __future__ import annotations

from pipeline.exchange import Headers

EVENT_STREAM: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
