"""Statistics: what every credential, model and key was asked and answered, today and on the days before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from pipeline.quota import is_charged

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange
    from pipeline.ports import Clock, StateStore
    from pipeline.windows import Windows

Scope = Literal["credential", "model", "key"]

KIND = "usage"
"""The kind that counters of all time are kept as; those of a day are kept as `usage:DAY`."""

HISTORY = 90
"""Days that are kept."""

UNKNOWN_MODEL = "other"
"""Stands for names that no answer was ever given for, and so may be anything."""

_WRITE_EVERY = 0.2
"""Seconds that a count rests in memory, and the most of them that a killed worker loses."""

_NO_CALLS = frozenset({"models", "model"})
_BY_MODEL = ("calls", "ok", "cost")
_TOKENS = {
    "promptTokenCount": "tokens_input",
    "candidatesTokenCount": "tokens_output",
    "thoughtsTokenCount": "tokens_thoughts",
    "cachedContentTokenCount": "tokens_cached",
    "toolUsePromptTokenCount": "tokens_tool",
}


class Usage(Struct):
    """What was counted for one name.

    Shape: `tokens` by type, as Google counts them (cached ones are among the input); `models` are calls, ok and cost
        of each model, for keys only.
    """

    calls: int = 0
    ok: int = 0
    cost: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def success_rate(self) -> float:
        """The share of calls that were answered; 1 when there were none."""
        return self.ok / self.calls if self.calls else 1.0


class UsageBook:
    """Counts what was used, behind the requests, and reads it back; all workers and machines count together.

    PERF: a request adds to a page in memory; five times a second the page goes to the store (benchmarks/unary.py).
    """

    def __init__(self, state: StateStore, clock: Clock, windows: Windows) -> None:
        self._state = state
        self._clock = clock
        self._windows = windows
        self._models: set[str] = set()
        self._page: dict[str, dict[str, int]] = {}
        self._day = ""

    async def start(self) -> None:
        """Learn which models there are. Errors: StoreError."""
        self._models = {name for name in await self.read("model") if name != UNKNOWN_MODEL}

    async def prune(self) -> None:
        """Forget the days that are too old. Errors: StoreError."""
        self.write()
        for day in self._windows.days(self._clock.now(), 2 * HISTORY)[HISTORY:]:
            for key in await self._state.counts(_kind(day.name)):
                self._state.discount(_kind(day.name), key)

    def record(self, x: Exchange, outcome: BaseException | None) -> None:
        """Count one exchange that has ended, if its caller was known and it was answered or upstream was asked."""
        if x.caller is None or x.operation in _NO_CALLS or (x.lease is None and outcome is not None):
            return
        amounts = {"calls": 1}
        if outcome is None:
            amounts["ok"] = 1
            self._models.add(x.model)
        cost = x.charge.cost if x.charge and is_charged(x, outcome) else 0
        if cost:
            amounts["cost"] = cost
        amounts |= _tokens(x.usage)
        model = x.model if x.model in self._models else UNKNOWN_MODEL
        self._count("model", model, amounts)
        by_model = {f"{model}/{name}": amounts.get(name, 0) for name in _BY_MODEL}
        if x.lease is not None:
            self._count("credential", x.lease.credential.id, amounts | by_model)
        self._count("key", x.caller.name, amounts | by_model)

    async def read(self, scope: Scope, day: str = "") -> dict[str, Usage]:
        """Return what was counted by name, of a day (`2026-01-31`) or of all time. Errors: StoreError."""
        return (await self._read(day)).get(scope, {})

    async def today(self, scope: Scope) -> dict[str, Usage]:
        """Return what was counted by name since the day began. Errors: StoreError."""
        return await self.read(scope, self._windows.day(self._clock.now()).name)

    async def history(self, scope: Scope, name: str, days: int = 30) -> dict[str, Usage]:
        """Return what was counted for one name by day, the latest first. Errors: StoreError."""
        found = {}
        for day in self._windows.days(self._clock.now(), min(days, HISTORY)):
            found[day.name] = (await self.read(scope, day.name)).get(name, Usage())
        return found

    def reset(self, scope: Scope, name: str) -> None:
        """Forget what was counted for a name, today and of all time; the days before stay."""
        self.write()
        for kind in (KIND, _kind(self._windows.day(self._clock.now()).name)):
            self._state.discount(kind, f"{scope}/{name}")

    def write(self) -> None:
        """Hand what was counted since to the store; readers and the end of the process need not wait for the time."""
        page, self._page = self._page, {}
        today = _kind(self._day)
        for key, amounts in page.items():
            self._state.count(KIND, key, amounts)
            self._state.count(today, key, amounts)

    def _count(self, scope: Scope, name: str, amounts: dict[str, int]) -> None:
        today = self._windows.day(self._clock.now()).name
        if today != self._day:
            self.write()
            self._day = today
        if not self._page:
            asyncio.get_running_loop().call_later(_WRITE_EVERY, self.write)
        line = self._page.setdefault(f"{scope}/{name}", {})
        for what, amount in amounts.items():
            line[what] = line.get(what, 0) + amount

    async def _read(self, day: str) -> dict[str, dict[str, Usage]]:
        self.write()
        found: dict[str, dict[str, Usage]] = {}
        for key, counters in (await self._state.counts(_kind(day) if day else KIND)).items():
            scope, _, name = key.partition("/")
            found.setdefault(scope, {})[name] = _usage(counters)
        return found


def _kind(day: str) -> str:
    return f"{KIND}:{day}"


def _tokens(usage: Chunk) -> dict[str, int]:
    return {name: usage[theirs] for theirs, name in _TOKENS.items() if usage.get(theirs)}


def _usage(counters: dict[str, int]) -> Usage:
    usage = Usage()
    for name, amount in counters.items():
        model, _, what = name.rpartition("/")
        if model:
            usage.models.setdefault(model, {})[what] = amount
        elif name.startswith("tokens_"):
            usage.tokens[name.removeprefix("tokens_")] = amount
        else:
            setattr(usage, name, amount)
    return usage
