"""Everything that can go wrong on a request's way, as one tree of exceptions.

Errors are raised, never returned and never yielded. Each class carries the HTTP status, a word of a closed vocabulary
(`error_type`: metric label, log field and part of what the caller reads) and, for those that come from upstream, a
`Verdict` that says what the credential which met it must do.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from msgspec import Struct

ERROR_TYPES = frozenset(
    [
        "caller_invalid",
        "caller_too_large",
        "caller_auth",
        "caller_disconnect",
        "caller_timeout",
        "policy_rate_limit",
        "policy_budget",
        "policy_guardrail",
        "policy_model_denied",
        "provider_rate_limit",
        "provider_quota_day",
        "provider_capacity",
        "provider_auth",
        "provider_terms",
        "provider_invalid_request",
        "provider_safety",
        "provider_empty",
        "provider_malformed",
        "provider_5xx",
        "provider_timeout",
        "provider_connect",
        "provider_cut",
        "proxy_no_credential",
        "proxy_queue_full",
        "proxy_store",
        "proxy_draining",
        "proxy_internal",
    ]
)
"""The closed vocabulary of `error_type`; anything else is counted as `_OTHER` and is an alarm."""

Scope = Literal["request", "unit_model", "project_model", "unit", "credential", "model"]
Action = Literal["give_up", "rotate", "refresh", "cool", "disable"]


QuotaName = Literal["rpm", "tpm", "rpd", "tpd"]
"""Requests or input tokens, per minute or day."""


class Quota(Struct, frozen=True):
    """A limit that upstream has named in a refusal."""

    name: QuotaName
    limit: int


class Verdict(Struct, frozen=True):
    """What an upstream refusal means for scheduling.

    Shape: `scope` is what the refusal speaks about, `action` what follows; a `cool` without `seconds` backs off
        exponentially. With `suspect` the request itself may be to blame: of the units it meets only the first pays.
        `quotas` are the limits that the refusal names.
    Units: seconds.
    """

    scope: Scope = "request"
    action: Action = "give_up"
    seconds: float | None = None
    reason: str = ""
    suspect: bool = False
    quotas: tuple[Quota, ...] = ()


GIVE_UP = Verdict()
ROTATE = Verdict("request", "rotate")


class ProxyError(Exception):
    """A request that will not be answered as asked, with what the caller may know about it.

    Shape: `back_in` is the `retry_after` of those that are given none.
    Units: `retry_after` and `back_in` in seconds.
    """

    status: int = 500
    error_type: str = "proxy_internal"
    title: ClassVar[str] = "The proxy failed."
    back_in: ClassVar[float | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        error_type: str | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message or self.title)
        self.message = message or self.title
        self.field = field
        self.retry_after = self.back_in if retry_after is None else retry_after
        if status is not None:
            self.status = status
        if error_type is not None:
            self.error_type = error_type


class InternalError(ProxyError):
    """A defect of ours; the caller gets an id to report, the log gets the trace."""


class ClientError(ProxyError):
    """The caller must change something; no credential is to blame."""

    status = 400
    error_type = "caller_invalid"


class BadRequest(ClientError):
    """The request cannot be understood; `field` names the place."""

    title = "The request is not valid."


class Unauthorized(ClientError):
    """The key is missing or wrong."""

    status = 401
    error_type = "caller_auth"
    title = "Missing or incorrect API key."


class NoKey(Unauthorized):
    """The caller has sent no key at all."""


class Forbidden(ClientError):
    """The key is known but may not do this."""

    status = 403
    error_type = "policy_model_denied"
    title = "This key may not do that."


class NotFound(ClientError):
    """There is no such path or model."""

    status = 404
    title = "Not found."


class MethodNotAllowed(ClientError):
    """The path exists for another method: for those that `allow` names."""

    status = 405
    title = "This method is not allowed here."

    def __init__(self, allow: str, method: str) -> None:
        super().__init__(f"This path takes {allow}, not {method}.")
        self.allow = allow


class CallerTimeout(ClientError):
    """The caller took too long to send its request."""

    status = 408
    error_type = "caller_timeout"
    title = "The request body did not arrive in time."


class TooLarge(ClientError):
    """The request body is over the limit, as sent or once decompressed."""

    status = 413
    error_type = "caller_too_large"
    title = "The request body is too large."


class Limited(ProxyError):
    """Too many requests for now; `retry_after` says when to come back.

    Shape: `limit` names the limit of ours that was met, `scope` what it holds for; empty where upstream's were.
    """

    status = 429
    error_type = "policy_rate_limit"
    title = "Too many requests."
    limit = ""
    scope = ""

    def by(self, limit: str, scope: str) -> Self:
        """Name the limit that refuses, and return this."""
        self.limit, self.scope = limit, scope
        return self


class AllCooling(Limited):
    """Every credential that could serve this model is cooling down."""

    error_type = "provider_rate_limit"
    title = "All credentials for this model are cooling down."


class NoCredential(ProxyError):
    """There is no enabled credential that could serve this request."""

    status = 503
    error_type = "proxy_no_credential"
    title = "No credential is available for this request."
    back_in = 5.0


class Draining(ProxyError):
    """The proxy is shutting down and this answer did not end within the grace period."""

    status = 503
    error_type = "proxy_draining"
    title = "The proxy is shutting down."
    back_in = 1.0


class StoreError(ProxyError):
    """A store cannot be read or written."""

    status = 503
    error_type = "proxy_store"
    title = "The store is unavailable."
    back_in = 5.0


class StoreAway(StoreError):
    """A database does not answer, or not as one should; it may do so later."""


class UpstreamError(ProxyError):
    """Upstream did not give an answer.

    Shape: `detail` is upstream's own error object where it sent one; `verdict` is for the scheduler; `chunks` are
        events that came in front of an in-band error, in the same batch.
    """

    status = 502
    error_type = "provider_5xx"
    title = "Upstream failed."

    def __init__(
        self,
        message: str = "",
        *,
        verdict: Verdict = ROTATE,
        detail: dict[str, Any] | None = None,
        status: int | None = None,
        error_type: str | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, error_type=error_type, field=field, retry_after=retry_after)
        self.verdict = verdict
        self.detail = detail
        self.chunks: list[dict[str, Any]] = []


class Refused(UpstreamError):
    """Upstream found fault with the request or the credential (4xx)."""

    status = 400
    error_type = "provider_invalid_request"
    title = "Upstream refused the request."


class Busy(UpstreamError):
    """Upstream has no quota or no capacity left (429)."""

    status = 429
    error_type = "provider_rate_limit"
    title = "Upstream's quota is exhausted."


class Broken(UpstreamError):
    """Upstream failed, or the way to it did: 5xx, refused connection, timeout, an answer cut short."""

    title = "Upstream broke off."


class Terms(UpstreamError):
    """Upstream shut the account out; the credential is quarantined and never tried again by itself."""

    status = 503
    error_type = "provider_terms"
    title = "Upstream has suspended this credential."
    back_in = 5.0
