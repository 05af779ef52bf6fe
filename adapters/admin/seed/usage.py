"""`/usage/*`: what credentials were asked today; limits here are shown, not enforced, as they always were."""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.admin import shapes
from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, not_found
from adapters.admin.seed.names import SUFFIX, file_name

KIND = "usage-limit"
"""The kind of document that a credential's shown limits are kept as."""

_PRO = "gemini-2.5-pro"
_PRO_LIMIT, _TOTAL_LIMIT = 100, 1000

Limit = Annotated[int, Meta(ge=0)]


class Which(Struct):
    """Whose usage; empty is everybody's."""

    filename: str = ""


class Reset(Struct):
    """Whose usage is forgotten; none is everybody's."""

    filename: str | None = None


class Limits(Struct):
    """The limits to show for a credential."""

    filename: str
    gemini_2_5_pro_limit: Limit | None = None
    total_limit: Limit | None = None


async def seed_stats(ask: Ask) -> dict[str, Any]:
    """Return today's usage by file name, or of one file."""
    found = await _rows(ask)
    if not ask.query.filename:
        return found
    for name in (ask.query.filename, ask.query.filename + SUFFIX):
        if name in found:
            return found[name]
    raise not_found("credential", ask.query.filename)


async def seed_aggregated(ask: Ask) -> dict[str, Any]:
    """Return today's usage of all credentials together."""
    rows = list((await _rows(ask)).values())
    pro, total = sum(row["gemini_2_5_pro_calls"] for row in rows), sum(row["total_calls"] for row in rows)
    files = max(len(rows), 1)
    return {
        "total_files": len(rows),
        "total_gemini_2_5_pro_calls": pro,
        "total_all_model_calls": total,
        "avg_gemini_2_5_pro_per_file": round(pro / files, 2),
        "avg_total_per_file": round(total / files, 2),
        "next_reset_time": _reset(ask),
    }


async def seed_update_limits(ask: Ask) -> dict[str, Any]:
    """Keep the limits to show for a credential."""
    name = (await _credential(ask, ask.body.filename)).id
    known = await ask.office.state.get(KIND, name) or {}
    wanted = {"pro": ask.body.gemini_2_5_pro_limit, "total": ask.body.total_limit}
    ask.office.state.put(KIND, name, {**known, **{key: value for key, value in wanted.items() if value is not None}})
    return {"success": True, "message": "limits saved"}


async def seed_reset(ask: Ask) -> dict[str, Any]:
    """Forget what was counted."""
    chosen = [await _credential(ask, ask.body.filename)] if ask.body.filename else await ask.office.credentials.all()
    for each in chosen:
        ask.office.usage.reset("credential", each.id)
    return {"success": True, "message": f"usage of {len(chosen)} credentials reset"}


async def _rows(ask: Ask) -> dict[str, dict[str, Any]]:
    limits = await ask.office.state.load(KIND)
    reset = _reset(ask)
    return {file_name(each): _row(each, limits.get(each.id, {}), reset) for each in await ask.office.credentials.all()}


def _row(each: shapes.Credential, limits: dict[str, Any], reset: str) -> dict[str, Any]:
    pro = sum(counts.get("calls", 0) for model, counts in each.today.models.items() if model.startswith(_PRO))
    return {
        "gemini_2_5_pro_calls": pro,
        "total_calls": each.today.calls,
        "daily_limit_gemini_2_5_pro": limits.get("pro", _PRO_LIMIT),
        "daily_limit_total": limits.get("total", _TOTAL_LIMIT),
        "next_reset_time": reset,
    }


async def _credential(ask: Ask, name: str) -> shapes.Credential:
    for each in await ask.office.credentials.all():
        if name in {each.id, file_name(each)}:
            return each
    raise not_found("credential", name)


def _reset(ask: Ask) -> str:
    end = ask.office.windows.day(ask.office.clock.now()).end
    return datetime.fromtimestamp(end, UTC).isoformat()


OPERATIONS = (
    Operation(method="GET", path="/usage/stats", run=seed_stats, query=Which),
    Operation(method="GET", path="/usage/aggregated", run=seed_aggregated),
    Operation(method="POST", path="/usage/update-limits", run=seed_update_limits, body=Limits),
    Operation(method="POST", path="/usage/reset", run=seed_reset, body=Reset),
)
