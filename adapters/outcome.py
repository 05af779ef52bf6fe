"""What the end of an exchange is called: the words that metrics and log lines share, so that they join exactly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.body import CallerGone
from pipeline.errors import ERROR_TYPES, ProxyError, UpstreamError

if TYPE_CHECKING:
    from pipeline.exchange import Exchange

OTHER = "_OTHER"
"""Stands for every word outside a closed vocabulary; counting one is an alarm."""

STREAM_ENDS = frozenset(
    {
        *("complete", "client_gone", "upstream_cut", "upstream_error", "idle_timeout", "deadline", "drain"),
        *("continued", OTHER),
    }
)
"""Every `reason` of pollux_stream_end_total."""

_STREAM_END_OF_ERROR_TYPE = {
    "": "complete",
    "caller_disconnect": "client_gone",
    "proxy_draining": "drain",
    "provider_cut": "upstream_cut",
    "provider_timeout": "idle_timeout",
}


def error_type_of(outcome: BaseException | None) -> str:
    """Return the error_type of an outcome: empty for a complete answer, `_OTHER` for a word nobody knows."""
    if outcome is None:
        return ""
    if isinstance(outcome, ProxyError):
        return outcome.error_type if outcome.error_type in ERROR_TYPES else OTHER
    if isinstance(outcome, asyncio.CancelledError | CallerGone):
        return "caller_disconnect"
    return "proxy_internal"


def status_of(x: Exchange, outcome: BaseException | None) -> int:
    """Return the HTTP status that tells how an exchange ended, whatever its head said before it broke.

    Source: 499 for a caller that left is nginx's.
    """
    if outcome is None:
        return x.reply.status if x.reply else 200
    if isinstance(outcome, ProxyError):
        return outcome.status
    return 499 if isinstance(outcome, asyncio.CancelledError | CallerGone) else 500


def stream_end_of(x: Exchange, outcome: BaseException | None) -> str:
    """Return why a stream ended; empty when none was open: unary, or refused with a status of its own."""
    if not x.stream or not (x.first_byte or x.commit_early or outcome is None):
        return ""
    reason = _STREAM_END_OF_ERROR_TYPE.get(error_type_of(outcome), "")
    return reason or ("upstream_error" if isinstance(outcome, UpstreamError) else OTHER)
