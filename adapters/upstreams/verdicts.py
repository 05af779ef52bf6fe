"""What each error of Google's means: for the credential that met it, and for the caller who hears of it.

The table is read from top to bottom and the first row that fits decides. It is data; nothing here acts. An
operator's own rows (`[[error]]` in proxy.toml) stand above it.
Source: Google's error model (AIP-193), google-gemini/gemini-cli `googleQuotaErrors.ts`, and recorded bodies.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct

from adapters.upstreams.durations import epoch_of, seconds_in_words, seconds_of, until_pacific_midnight
from adapters.upstreams.named_quotas import quotas_of
from adapters.upstreams.refusal import Facts, facts_of, read_facts
from pipeline.errors import Action, Broken, Busy, Refused, Scope, Terms, UpstreamError, Verdict
from pipeline.exchange import Chunk, Headers

DAY = 86_400.0
HOUR = 3_600.0
_LONGEST = 8 * DAY  # a weekly quota; a reset later than that is a mistake of somebody's clock
_BRIEF = 30.0
_REASON_LENGTH = 400

Seconds = float | Literal["stated", "brief", "midnight"] | None
"""`stated`: what the answer says, by the order of `_stated`; `brief`: the same, but at most half a minute; `midnight`:
until the next one in California."""


class Row(Struct, frozen=True):
    """One kind of error and what follows from it.

    Shape: what is empty fits everything; `reason`, `domain`, `quota` (quota ids and message) and `message`
        are regular expressions searched in the answer; `answers` is the status the caller sees, 0 for
        upstream's own. `ours` says that the proxy's credential is at fault: the caller hears not whose. `origin` is
        where an operator has written the row.
    """

    error_type: str
    scope: Scope
    action: Action
    seconds: Seconds = None
    answers: int = 0
    ours: bool = False
    status: frozenset[int] = frozenset()
    upstreams: frozenset[str] = frozenset()
    reason: str = ""
    domain: str = ""
    quota: str = ""
    message: str = ""
    origin: str = ""

    @property
    def is_bare(self) -> bool:
        """Whether a status is all that this row goes by."""
        return not (self.reason or self.domain or self.quota or self.message)

    def fits(self, facts: Facts, upstream: str) -> bool:
        """Whether this row speaks about that answer."""
        return (
            (not self.status or facts.status in self.status)
            and (not self.upstreams or upstream in self.upstreams)
            and _found(self.reason, facts.reason)
            and _found(self.domain, facts.domain)
            and _found(self.quota, f"{facts.quotas} {facts.message}")
            and _found(self.message, facts.message)
        )


def _found(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text, re.IGNORECASE) is not None


def _row(error_type: str, scope: Scope, action: Action, seconds: Seconds = None, **fits: Any) -> Row:
    return Row(error_type, scope, action, seconds, **fits)


def _ours(scope: Scope, action: Action, seconds: Seconds = None, **fits: Any) -> Row:
    return Row("provider_auth", scope, action, seconds, answers=502, ours=True, **fits)


def _dead(scope: Scope = "credential", **fits: Any) -> Row:
    return _ours(scope, "disable", **fits)


def _gone(**fits: Any) -> Row:
    return Row("provider_terms", "credential", "disable", answers=503, ours=True, **fits)


def _cool(error_type: str, scope: Scope, seconds: Seconds, **fits: Any) -> Row:
    return Row(error_type, scope, "cool", seconds, **{"status": _BUSY, **fits})


DAILY = r"PerDay|Daily|/d/| per day\b"
_KEYS_ONLY = frozenset({"gemini_api", "vertex_express"})
_CODE_ASSIST = frozenset({"code_assist"})
_FORBIDDEN = frozenset({403})
_BUSY = frozenset({429, 499, 503})  # gemini-cli reads quota details in all three
_CLOUD_CODE = r"^(staging-|autopush-)?cloudcode-pa\.googleapis\.com$"
_NO_CAPACITY = r"no capacity available|overloaded|high demand|error-code-429"
_NOT_HERE = r"location is not supported|enable billing|precondition check failed"
_FOREIGN_FILE = r"permission to access the (file|cached)|cachedcontent"

Table = tuple[Row, ...]

TABLE: Table = (
    # The account or key is shut out: nothing but a person can change that.
    _gone(reason="^(TOS_VIOLATION|CONSUMER_SUSPENDED|ACCOUNT_SUSPENDED)$"),
    _gone(status=_FORBIDDEN, message="violation of .*terms of service|has been suspended"),
    _dead(status=_FORBIDDEN, reason="^VALIDATION_REQUIRED$", domain=_CLOUD_CODE),
    _dead(reason="^UNSUPPORTED_CLIENT$"),
    _dead(reason="^API_KEY_"),
    _dead(status=frozenset({400, 403}), message="reported as leaked|api key not valid|api key expired"),
    _dead(status=_FORBIDDEN, message="unregistered callers"),
    _dead("unit", status=_FORBIDDEN, reason="^(SERVICE_DISABLED|BILLING_DISABLED)$"),
    # A key has nothing to refresh; a token has.
    _dead(status=frozenset({401}), upstreams=_KEYS_ONLY),
    _ours("credential", "refresh", status=frozenset({401})),
    # Somebody else's file is the request's fault, though another project may own it.
    _row("provider_invalid_request", "request", "rotate", status=_FORBIDDEN, message=_FOREIGN_FILE),
    _ours("unit", "cool", HOUR, status=_FORBIDDEN, upstreams=_CODE_ASSIST),
    _ours("unit", "cool", HOUR, status=_FORBIDDEN, reason="^IAM_PERMISSION_DENIED$"),
    _ours("unit_model", "cool", status=_FORBIDDEN),
    # True of this project and this way out, not of the request.
    _row("provider_auth", "request", "rotate", answers=502, status=frozenset({400}), message=_NOT_HERE),
    # The model has no room: no credential is to blame and none may be punished.
    _cool("provider_capacity", "model", "brief", reason="^MODEL_CAPACITY_(EXHAUSTED|EXCEEDED)$"),
    _cool("provider_capacity", "model", "brief", message=_NO_CAPACITY),
    # Quotas. Public ones belong to the project, Code Assist's to the user.
    _cool("provider_quota_day", "project_model", DAY, message=r"limit:\s*0(?!\d|\.\d)"),
    _cool("provider_rate_limit", "unit_model", "stated", reason="^INSUFFICIENT_G1_CREDITS_BALANCE$"),
    _cool("provider_quota_day", "unit_model", "stated", reason="^QUOTA_EXHAUSTED$"),
    _cool("provider_quota_day", "unit_model", "stated", quota=DAILY, upstreams=_CODE_ASSIST),
    _cool("provider_quota_day", "project_model", "stated", quota=DAILY),
    _cool("provider_rate_limit", "unit_model", "stated", domain=_CLOUD_CODE),
    _cool("provider_rate_limit", "project_model", "stated", quota="PerMinute|PerProject|PerModel"),
    _cool("provider_rate_limit", "unit_model", "stated", status=frozenset({429})),
    # Upstream's own trouble.
    _row("provider_timeout", "request", "rotate", status=frozenset({408, 504})),
    _row("provider_5xx", "request", "rotate", answers=502, status=frozenset({499})),
    _row("provider_5xx", "request", "rotate", status=frozenset(range(500, 600))),
    _row("provider_5xx", "request", "rotate", answers=502, status=frozenset(range(100, 400))),
    # The request's fault: told to the caller as it is, and to no credential.
    _row("provider_invalid_request", "request", "give_up"),
)
"""Every error that is known, most telling first."""

_CLASSES: dict[str, type[UpstreamError]] = {
    "provider_terms": Terms,
    "provider_rate_limit": Busy,
    "provider_quota_day": Busy,
    "provider_capacity": Busy,
    "provider_timeout": Broken,
    "provider_5xx": Broken,
}


def classify(
    status: int, headers: Headers, body: bytes, now: float, upstream: str = "", table: Table = TABLE
) -> UpstreamError:
    """Return the error that a non-200 answer stands for, its verdict included.

    Units: `now` in epoch seconds.
    """
    facts = read_facts(status, headers, body)
    return judged(facts, row_for(facts, upstream, table), now)


def classify_event(error: Chunk, now: float, upstream: str = "", table: Table = TABLE) -> UpstreamError:
    """Return the error that an error object within a 200 answer stands for."""
    facts = facts_of(error)
    return judged(facts, row_for(facts, upstream, table), now)


def row_for(facts: Facts, upstream: str, table: Table = TABLE) -> Row:
    """Return the row that decides what an error answer means; the last one of the table fits all."""
    return next(row for row in table if row.fits(facts, upstream))


def judged(facts: Facts, row: Row, now: float) -> UpstreamError:
    """Return the error that these facts stand for when this row decides."""
    seconds = _seconds(row.seconds, facts, now)
    # Upstream has named neither a quota nor a time: the request may be what it refuses.
    suspect = row.action == "cool" and row.is_bare and (seconds is None or seconds == row.seconds)
    reason = _reason(facts) if row.action in {"disable", "cool"} else ""
    return _CLASSES.get(row.error_type, Refused)(
        _told(row, facts),
        verdict=Verdict(row.scope, row.action, seconds, reason, suspect, quotas_of(facts.error)),
        detail=_detail(row, facts),
        status=row.answers or (502 if facts.status == 499 else facts.status),
        error_type=row.error_type,
        retry_after=seconds if row.action == "cool" and not row.ours else None,
    )


def _told(row: Row, facts: Facts) -> str:
    if row.ours:
        why = f" ({facts.reason})" if facts.reason else ""
        return f"Upstream does not accept the credential that the proxy used{why}."
    return facts.message or f"Upstream answered {facts.status} without saying why."


def _detail(row: Row, facts: Facts) -> Chunk:
    if row.ours:  # the full text may name an account, its project or its validation link
        return {"code": facts.status, "status": facts.word, "reason": facts.reason}
    return {"message": facts.message, "status": facts.word, **facts.error, "code": facts.status}


def _reason(facts: Facts) -> str:
    """What the operator is told: upstream's words, and the link that helps where it gives one."""
    text = " ".join(filter(None, [str(facts.status), facts.reason, facts.message[:_REASON_LENGTH]]))
    keys = ("validation_link", "validation_url", "validationUrl", "appeal_url", "activationUrl")
    links = [*facts.links[:1], *(facts.metadata[key] for key in keys if key in facts.metadata)]
    return f"{text} {links[0]}" if links and links[0] not in text else text


def _seconds(source: Seconds, facts: Facts, now: float) -> float | None:
    if source is None or isinstance(source, float):
        return source
    if source == "midnight":
        return until_pacific_midnight(now)
    stated = _stated(facts, now)
    return stated if source == "stated" or stated is None else min(stated, _BRIEF)


def _stated(facts: Facts, now: float) -> float | None:
    """Return how long the answer says to wait, best evidence first.

    Source: a per-day refusal carries a RetryInfo of some seconds, which is wrong: the day comes before it.
    """
    reset = epoch_of(facts.metadata.get("quotaResetTimeStamp", ""))
    if reset is not None and 0 < reset - now <= _LONGEST:
        return reset - now
    delay = seconds_of(facts.metadata.get("quotaResetDelay", ""))
    if delay is not None:
        return min(delay, _LONGEST)
    if re.search(DAILY, f"{facts.quotas} {facts.message}"):
        return until_pacific_midnight(now)
    return _retry_in(facts)


def _retry_in(facts: Facts) -> float | None:
    for stated in (seconds_of(facts.retry_delay), seconds_in_words(facts.message)):
        if stated is not None:
            return min(stated, _LONGEST)
    if "PerMinute" in facts.quotas:
        return 60.0
    return float(facts.retry_after) if facts.retry_after.isdecimal() else None
