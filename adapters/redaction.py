"""Takes secrets out of text and log events before anybody can read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

HIDDEN = "***"

_SHAPES = re.compile(
    r"AIza[\w-]{8,}"  # Google API keys
    r"|AQ\.[\w.-]{8,}"  # express keys
    r"|ya29\.[\w.-]+"  # access tokens
    r"|1//[\w-]{8,}"  # refresh tokens
    r"|GOCSPX-[\w-]+"  # client secrets
    r"|sk-[\w-]{8,}"  # keys of clients' own
    r"|eyJ[\w-]{8,}(?:\.[\w-]+)*"  # JWT
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END).)*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
    re.DOTALL,
)
"""Secrets that show by themselves what they are."""

_NAME = (
    r"(?:authorization|x-goog-api-key|cookie|assertion|passw(?:or)?d|api[_ -]?keys?|secret|token"
    r"|private_key(?:_id)?|code_verifier)"
)
_SCHEME = r"(?:(?:bearer|basic)\s+)?"
_NAMED = re.compile(
    rf"""({_NAME}\\*["']?[)\s]*[:=]\s*b?\\*["']{_SCHEME})[^"'\\]+"""
    # A pair, as in a list of headers; what a colon follows is the name of the next member, and no value.
    rf"""|({_NAME}\\*["']?[)\s]*,\s*b?["']{_SCHEME})[^"'\\]++(?!["']\s*:)"""
    r"""|(cookie:\s*)[^"'\\\r\n]+"""
    rf"""|({_NAME}\\*["']?\s*[:=]\s*{_SCHEME})[^\s"'&,;}})\]\\]+"""
    r"""|([?&](?:key|code|state)=)[^\s"'&#\\]+"""
    r"""|(\bbearer\s+)[^\s"',;})\]\\]+""",
    re.IGNORECASE,
)
"""Secrets that only their name tells, in whatever syntax stands around it: JSON, repr, header, query, form."""

_SUSPICIOUS = (
    *("AIza", "AQ.", "ya29", "1//", "GOCSPX", "sk-", "eyJ", "-----BEGIN"),
    *("key", "token", "secret", "passw", "auth", "cookie", "assertion", "bearer", "code", "state="),
    *("Key", "Token", "Secret", "Passw", "Auth", "Cookie", "KEY", "TOKEN", "SECRET", "PASSW", "AUTH", "Bearer"),
)
"""PERF: most text holds none of these, and a search for plain words says so at a tenth of the patterns' cost."""

_SECRET_KEY = re.compile(rf"key|.*{_NAME}", re.IGNORECASE)


def redact(text: str) -> str:
    """Return the text with every secret in it replaced by `***`."""
    for word in _SUSPICIOUS:
        if word in text:
            return _NAMED.sub(_keep_name, _SHAPES.sub(HIDDEN, text))
    return text


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide the secrets of one log event, however deep they are: a structlog processor.

    Shape: what is neither a mapping, a sequence nor a plain value is logged as its repr, redacted.
    """
    for key, value in event.items():
        event[key] = _hidden(key, value)
    return event


def _hidden(key: object, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_KEY.fullmatch(_text(key)):
        return HIDDEN
    if isinstance(value, str | bytes):
        return redact(_text(value))
    return _hidden_within(value)


def _hidden_within(value: object) -> Any:
    if isinstance(value, Mapping):
        return {_text(name): _hidden(name, each) for name, each in value.items()}
    if isinstance(value, tuple) and len(value) == 2:
        # One header: its name tells whether its value is secret.
        return [_hidden("", value[0]), _hidden(value[0], value[1])]
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden("", each) for each in value]
    return redact(repr(value))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _keep_name(found: re.Match[str]) -> str:
    return (found[found.lastindex or 0]) + HIDDEN
