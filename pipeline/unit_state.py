"""How a unit is doing, as an operator and the metrics see it."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from pipeline.cooldowns import Cooldown
from pipeline.penalties import Penalties
from pipeline.ports import Clock
from pipeline.units import Ban, Roster, Unit

Condition = Literal["ready", "cooling", "exhausted", "refreshing", "disabled", "quarantined"]
_BEST_FIRST: tuple[Condition, ...] = ("ready", "cooling", "refreshing", "exhausted", "disabled", "quarantined")


class Rest(Struct, frozen=True):
    """Until when a unit rests, and why. Units: epoch seconds."""

    until: float
    why: str
    reason: str


class UnitState(Struct, frozen=True, kw_only=True):
    """One unit, free of secrets.

    Shape: `state` is `cooling` or `exhausted` (a quota that upstream says is used up) while it rests for any model;
        `disabled` by a person, `quarantined` by upstream's word. `rests` are by model, "" standing for all.
    """

    id: str
    credential: str
    kind: str
    project: str
    email: str
    source: str
    state: Condition
    reason: str = ""
    rests: dict[str, Rest] = field(default_factory=dict)
    active: int = 0
    calls: int = 0
    failures: int = 0


def state_of(unit: Unit, roster: Roster, penalties: Penalties, clock: Clock) -> UnitState:
    """Describe a unit as it is now."""
    credential, ban, later = unit.credential, roster.ban_of(unit), clock.now() - clock.tick()
    rests = penalties.cooldowns.of(unit.slot, clock.tick())
    return UnitState(
        id=unit.id,
        credential=credential.id,
        kind=credential.kind,
        project=unit.project,
        email=credential.email,
        source=credential.source,
        state=_condition(ban, rests),
        reason=ban.reason if ban else next((rest.reason for rest in rests.values()), ""),
        rests={model: Rest(rest.until + later, rest.why, rest.reason) for model, rest in rests.items()},
        active=roster.loads.of(unit.slot),
        calls=unit.calls,
        failures=unit.failures,
    )


def count_states(roster: Roster, penalties: Penalties, clock: Clock) -> Mapping[tuple[str, str], int]:
    """Count credentials by (kind, state); the best of its units speaks for a credential.

    PERF: asked by every health probe and scrape; of ten thousand credentials no more is looked at than what counts.
    """
    counts: Counter[tuple[str, str]] = Counter()
    now, rests = clock.tick(), penalties.cooldowns.of
    for units in roster.credentials():
        states = [_condition(roster.ban_of(unit), rests(unit.slot, now)) for unit in units]
        best = states[0] if len(states) == 1 else min(states, key=_BEST_FIRST.index)
        counts[units[0].credential.kind, best] += 1
    return counts


def _condition(ban: Ban | None, rests: Mapping[str, Cooldown]) -> Condition:
    if ban is not None:
        return "quarantined" if ban.by == "upstream" else "disabled"
    return max((rest.why for rest in rests.values()), key=_BEST_FIRST.index) if rests else "ready"
