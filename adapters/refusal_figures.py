"""What is counted of requests that we refuse ourselves; none of it touches an answered one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.errors import Forbidden, Limited, NoKey, ProxyError, Unauthorized

if TYPE_CHECKING:
    from pipeline.exchange import Exchange

Child = Callable[..., Callable[[float], None]]


def count_refusal(child: Child, x: Exchange, refusal: ProxyError) -> None:
    """Count a refusal of our own by what it came of; any other is none."""
    if isinstance(refusal, Limited) and refusal.limit:
        child("pollux_limit_rejections_total", refusal.limit, refusal.scope, "enforce")(1)
    elif isinstance(refusal, Unauthorized | Forbidden) and refusal.error_type == "caller_auth":
        child("pollux_auth_failures_total", "api", auth_failure_of(x, refusal))(1)


def auth_failure_of(x: Exchange, refusal: Unauthorized | Forbidden) -> str:
    """Return why a caller was not let in: missing, wrong, disabled or expired."""
    if isinstance(refusal, Unauthorized) or x.caller is None:
        return "missing" if isinstance(refusal, NoKey) else "wrong"
    return "expired" if x.caller.key and x.caller.key.enabled else "disabled"
