"""Resource `usage`: what was asked and answered, by credential, model and key."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Refusal
from adapters.admin.shapes import Scope, UsageHistory, UsageTable
from adapters.admin.usage_view import usage_view

Day = Annotated[str, Meta(pattern=r"^$|^\d{4}-\d\d-\d\d$", description="a day such as 2026-01-31; empty is all time")]


class Which(Struct):
    """Whose usage, and when."""

    scope: Scope = "credential"
    day: Day = ""


class Days(Struct):
    """How many days back."""

    days: Annotated[int, Meta(ge=1, le=90)] = 30


async def show_usage(ask: Ask) -> UsageTable:
    """Return what was counted by name, of a day or of all time."""
    found = await ask.office.usage.read(ask.query.scope, ask.query.day)
    return UsageTable(ask.query.scope, ask.query.day, {name: usage_view(each) for name, each in found.items()})


async def usage_history(ask: Ask) -> UsageHistory:
    """Return what was counted for one name by day."""
    scope, name = _named(ask)
    found = await ask.office.usage.history(scope, name, ask.query.days)
    return UsageHistory(scope, name, {day: usage_view(each) for day, each in found.items()})


async def reset_usage(ask: Ask) -> None:
    """Forget what was counted for one name."""
    ask.office.usage.reset(*_named(ask))


def _named(ask: Ask) -> tuple[Scope, str]:
    try:
        scope: Scope = msgspec.convert(ask.path["scope"], Scope)
    except msgspec.ValidationError as exc:
        raise Refusal(404, "not_found", "Usage is counted by credential, model and key.") from exc
    return scope, ask.path["name"]


OPERATIONS = (
    Operation(method="GET", path="/usage", run=show_usage, query=Which, answer=UsageTable),
    Operation(method="GET", path="/usage/{scope}/{name:path}", run=usage_history, query=Days, answer=UsageHistory),
    Operation(method="DELETE", path="/usage/{scope}/{name:path}", run=reset_usage, status=204),
)
