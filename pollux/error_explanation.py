"""What an error body of Google's would lead to: the row of the taxonomy that fits, and what follows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from adapters.upstreams.refusal import Facts, error_of, read_facts
from adapters.upstreams.verdicts import TABLE, Row, judged, row_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.errors import UpstreamError, Verdict

_SCOPES = {
    "request": "the request",
    "unit_model": "this credential and project, for this model",
    "project_model": "all credentials of this project, for this model",
    "unit": "this credential and project",
    "credential": "this credential with all its projects",
    "model": "the model, whoever asks",
}
_ACTIONS = {
    "give_up": "the caller is told; nothing is tried again and nobody rests",
    "rotate": "the next credential is tried; nobody rests",
    "refresh": "the token is refreshed once, then the next credential is tried",
    "cool": "rests, and the next credential is tried",
    "disable": "is taken out of use until a person enables it again",
}


def explain_error(body: bytes, status: int, upstream: str, own: tuple[Row, ...], now: float) -> str:
    """Return in lines which row fits and what happens.

    Shape: `own` are the rows of proxy.toml; a `status` of 0 is the body's own. Units: `now` in epoch seconds.
    """
    code = error_of(body).get("code")
    facts = read_facts(status or (code if isinstance(code, int) else 500), [], body)
    table = (*own, *TABLE)
    row = row_for(facts, upstream, table)
    origin = row.origin or f"built-in row {TABLE.index(row) + 1} of {len(TABLE)}"
    lines = [f"read    {_read(facts)}", f"row     {origin}: {_conditions(row)}"]
    return "\n".join(lines + list(_consequences(judged(facts, row, now))))


def _read(facts: Facts) -> str:
    named = {"reason": facts.reason, "domain": facts.domain, "quota": facts.quotas.strip(), "message": facts.message}
    return ", ".join([f"status {facts.status} {facts.word}".strip(), *(f"{k} {v!r}" for k, v in named.items() if v)])


def _conditions(row: Row) -> str:
    """Say what a row asks for, in the words of proxy.toml."""
    asked = {
        "status": sorted(row.status),
        "upstream": sorted(row.upstreams),
        "reason": row.reason,
        "domain": row.domain,
        "quota_id": row.quota,
        "message": row.message,
    }
    shown = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in asked.items() if value]
    return ", ".join(shown) or "everything else"


def _consequences(exc: UpstreamError) -> Iterator[str]:
    verdict = exc.verdict
    yield f"scope   {verdict.scope}: {_SCOPES[verdict.scope]}"
    yield f"action  {verdict.action}: {_ACTIONS[verdict.action]}"
    if verdict.action == "cool":
        yield f"until   {_until(verdict)}"
    if verdict.suspect:
        yield "        only the first credential that one request meets it with"
    if verdict.quotas:
        yield f"learns  {', '.join(f'{quota.name} = {quota.limit}' for quota in verdict.quotas)}"
    retry = f", Retry-After {math.ceil(exc.retry_after)}" if exc.retry_after else ""
    said = exc.message.partition("\n")[0]
    yield f"caller  gets {exc.status} {exc.error_type}{retry}, where nothing else can serve: {said}"


def _until(verdict: Verdict) -> str:
    if verdict.seconds is None:
        return "nothing is said: 30 s at first (a model: 2 s), twice as long each time"
    return f"{verdict.seconds:.0f} s from now"
