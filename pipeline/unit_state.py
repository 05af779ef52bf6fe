"""How a unit is doing, as an operator and the metrics see it."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from pipeline.penalties import Penalties
from pipeline.ports import Clock
from pipeline.units import Roster, Unit

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
    state: Condition = max((rest.why for rest in rests.values()), key=_BEST_FIRST.index, default="ready")
    if ban is not None:
        state = "quarantined" if ban.by == "upstream" else "disabled"
    return UnitState(
        id=unit.id,
        credential=credential.id,
        kind=credential.kind,
        project=unit.project,
        email=credential.email,
        source=credential.source,
        state=state,
        reason=ban.reason if ban else next((rest.reason for rest in rests.values()), ""),
        rests={model: Rest(rest.until + later, rest.why, rest.reason) for model, rest in rests.items()},
        active=roster.loads.of(unit.slot),
        calls=unit.calls,
        failures=unit.failures,
    )


def count_states(roster: Roster, penalties: Penalties, clock: Clock) -> Mapping[tuple[str, str], int]:
    """Count credentials by (kind, state); the best of its units speaks for a credential."""
    counts: Counter[tuple[str, str]] = Counter()
    for units in roster.credentials():
        states = [state_of(unit, roster, penalties, clock).state for unit in units]
        counts[units[0].credential.kind, min(states, key=_BEST_FIRST.index)] += 1
    return counts
