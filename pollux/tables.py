"""The tables of proxy.toml that are lists of rows: what errors mean, what quotas there are, what models are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, field

from adapters.catalogue import ModelEntry
from adapters.upstreams.verdicts import Row, Seconds
from pipeline.books import Limit
from pipeline.errors import ERROR_TYPES, Action, Scope
from pipeline.registry import did_you_mean
from pipeline.thinking import EFFORTS

if TYPE_CHECKING:
    from pollux.fields import Reading
    from pollux.problem import Problem
    from pollux.spans import KeyPath

NAMES = ("error", "limit", "model")

S = TypeVar("S", bound=Struct)

Status = Annotated[int, Meta(ge=100, le=599)]
Tokens = Annotated[int, Meta(ge=0)]
Delay = Annotated[float, Meta(ge=0)]

_IMPLIED = {
    "give_up": "provider_invalid_request",
    "rotate": "provider_5xx",
    "cool": "provider_rate_limit",
    "refresh": "provider_auth",
    "disable": "provider_auth",
}
"""The error_type of a row that names none, by its action."""

_OURS = {"provider_auth": 502, "provider_terms": 503}
"""Error types that tell of the proxy's own credential, whose particulars no caller learns; and the status they get."""


class ErrorRow(Struct, frozen=True, kw_only=True):
    """An `[[error]]`: one kind of error of Google's, and what follows from it; goes before the built-in ones.

    Shape: what is left out fits everything; `reason`, `quota_id` and `message` are regular expressions, searched
        without regard to case. `until` is an alternative to `seconds`; without either, a unit that cools rests longer
        each time. `answers` is the status the caller sees, 0 for Google's own.
    """

    scope: Scope
    action: Action
    status: list[Status] = field(default_factory=list)
    reason: str = ""
    quota_id: str = ""
    message: str = ""
    upstream: list[Literal["gemini_api", "code_assist", "vertex", "vertex_express"]] = field(default_factory=list)
    seconds: Delay | None = None
    until: Literal["", "stated", "brief", "midnight"] = ""
    error_type: str = ""
    answers: Annotated[int, Meta(ge=0, le=599)] = 0

    def __post_init__(self) -> None:
        for name in ("reason", "quota_id", "message"):
            try:
                re.compile(getattr(self, name))
            except re.error as exc:
                raise ValueError(f"{name} is no regular expression: {exc}") from exc
        if not (self.status or self.reason or self.quota_id or self.message or self.upstream):
            raise ValueError("fits every error: say status, reason, quota_id, message or upstream")
        if self.seconds is not None and self.until:
            raise ValueError("says both seconds and until: which one?")
        if self.error_type and self.error_type not in ERROR_TYPES:
            raise ValueError(f"no error_type {self.error_type!r}{did_you_mean(self.error_type, ERROR_TYPES)}")
        if self.scope == "request" and self.action not in {"give_up", "rotate"}:
            raise ValueError(f"a request cannot {self.action}: give_up or rotate, or another scope")

    def row(self, origin: str) -> Row:
        """Return the row of the taxonomy that this is."""
        error_type = self.error_type or _IMPLIED[self.action]
        seconds: Seconds = self.until or self.seconds
        return Row(
            error_type,
            self.scope,
            self.action,
            seconds,
            answers=self.answers or _OURS.get(error_type, 0),
            ours=error_type in _OURS,
            status=frozenset(self.status),
            upstreams=frozenset(self.upstream),
            reason=self.reason,
            quota=self.quota_id,
            message=self.message,
            origin=origin,
        )


class ModelRow(Struct, frozen=True, kw_only=True):
    """A `[[model]]`: what the models of a glob are called here, what they take, and how much they think.

    Shape: 0 and "" leave things as Google says. `default_thinking` is an effort or a budget in tokens, for requests
        that say nothing of it.
    """

    name: str
    display_name: str = ""
    input_limit: Tokens = 0
    output_limit: Tokens = 0
    default_thinking: str | Tokens = ""

    def __post_init__(self) -> None:
        if isinstance(self.default_thinking, str) and self.default_thinking not in {"", "on", *EFFORTS}:
            near = did_you_mean(self.default_thinking, EFFORTS)
            raise ValueError(f"default_thinking is no effort, 'on' or a number of tokens{near}")

    def entry(self) -> ModelEntry:
        """Return what the catalogue is to know of it."""
        return ModelEntry(self.name, self.display_name, self.input_limit, self.output_limit)


class Tables(Struct, frozen=True):
    """What these tables say, ready for use."""

    errors: tuple[Row, ...] = ()
    limits: tuple[Limit, ...] = ()
    models: tuple[ModelRow, ...] = ()

    def thinking(self) -> dict[str, Any]:
        """Return how much models think by default, by glob."""
        return {row.name: row.default_thinking for row in self.models if row.default_thinking != ""}


def read(tables: dict[str, Any], reading: Reading, place: Callable[[KeyPath, str], Problem]) -> Tables:
    """Read the tables; what is wrong with them is reported. Shape: `place` finds the line of a path."""
    errors = _rows(ErrorRow, tables.get("error"), reading, "error")
    limits = _rows(Limit, tables.get("limit"), reading, "limit")
    models = _rows(ModelRow, tables.get("model"), reading, "model")
    rows = tuple(row.row(str(place(("error", index), "")).rstrip(": ")) for index, row in enumerate(errors))
    return Tables(rows, tuple(limits), tuple(models))


def _rows(kind: type[S], tables: Any, reading: Reading, name: str) -> list[S]:
    if tables is None:
        return []
    if not isinstance(tables, list):
        reading.report((name,), f"expected a list of tables: write [[{name}]]")
        return []
    made = [reading.struct(kind, table, (name, index)) for index, table in enumerate(tables)]
    return [each for each in made if each is not None]
