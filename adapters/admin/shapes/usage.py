"""What was asked and answered."""

from msgspec import Struct, field

from adapters.admin.shapes.words import Scope


class Usage(Struct):
    """What was counted.

    Shape: `tokens` by type; `models` are calls and cost of each model, for keys only.
    """

    calls: int = 0
    ok: int = 0
    cost: int = 0
    success_rate: float = 1.0
    tokens: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, int]] = field(default_factory=dict)


class UsageTable(Struct):
    """What was counted by name.

    Shape: `day` is empty for all time.
    """

    scope: Scope
    day: str
    usage: dict[str, Usage]


class UsageHistory(Struct):
    """What was counted for one name by day, the latest first."""

    scope: Scope
    name: str
    days: dict[str, Usage]
