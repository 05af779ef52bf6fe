"""The limits that Google names when it refuses for quota."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.errors import Quota, QuotaName
from pipeline.exchange import Chunk

_NAMES: dict[tuple[bool, bool], QuotaName] = {
    (False, False): "rpm",
    (False, True): "rpd",
    (True, False): "tpm",
    (True, True): "tpd",
}
"""By whether tokens are counted, and whether it is for a day."""


def quotas_of(error: Chunk) -> tuple[Quota, ...]:
    """Return the limits of a project that an error's QuotaFailure names; those of single users are left out.

    Source: ids such as `GenerateRequestsPerMinutePerProjectPerModel-FreeTier`, with the limit as text in `quotaValue`.
    """
    return tuple(quota for violation in _violations(error) if (quota := _quota(violation)) is not None)


def _violations(error: Chunk) -> Iterator[dict[str, Any]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        violations = detail.get("violations") if isinstance(detail, dict) else None
        yield from (each for each in violations if isinstance(each, dict)) if isinstance(violations, list) else ()


def _quota(violation: dict[str, Any]) -> Quota | None:
    name, value = str(violation.get("quotaId", "")), str(violation.get("quotaValue", ""))
    daily = "PerDay" in name
    counted = "Requests" in name or "InputTokens" in name
    if not value.isdecimal() or not counted or "PerUser" in name or not (daily or "PerMinute" in name):
        return None
    return Quota(_NAMES["InputTokens" in name, daily], int(value))
