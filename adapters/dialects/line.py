"""JSON on what every client takes for one line."""

from __future__ import annotations

from typing import Any

import orjson

# Client libraries find lines with Python's str.splitlines, which splits at these too; JSON may escape them.
_SEPARATORS = (
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
    ("\u0085".encode(), b"\\u0085"),
)


def line(value: Any) -> bytes:
    """Return the value as JSON without any character that some client takes for the end of a line."""
    text = orjson.dumps(value)
    # PERF: two memmem calls for what hardly ever occurs.
    if b"\xe2\x80" in text or b"\xc2\x85" in text:
        for raw, escaped in _SEPARATORS:
            text = text.replace(raw, escaped)
    return text
