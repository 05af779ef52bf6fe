"""How units are chosen, and when one is taken out of use: what an operator may set."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct, field

from pipeline.affinity import CacheAffine
from pipeline.books import Limit
from pipeline.loads import Loads
from pipeline.ports import Clock
from pipeline.rotation import Rotation, Strategy
from pipeline.strategies import Adaptive, FillFirst, LeastUsed, Weighted
from pipeline.windows import PACIFIC

API_KEYS_FIRST = {"gemini_api": 0, "vertex_express": 0, "code_assist": 1, "vertex": 1}

StrategyName = Literal["rotation", "least-used", "weighted", "adaptive", "fill-first", "cache-affine"]


class Scheduling(Struct, frozen=True, kw_only=True):
    """The settings of a pool.

    Shape: kinds of a lower number in `priorities` serve before the others; 0 where none is given. `weights` are by
        glob of credential ids, for the strategy of that name. `concurrency` is how many calls a credential may have
        under way, `breaker_faults` after how many broken calls in a row a unit is spared; 0 is never, for both. With
        `auto_ban` off only a suspended account is taken out of use. One of the HTTP statuses in `auto_ban_codes`, met
        again right after the whole unit has rested for it, takes it out too. `limits` are quotas known beforehand, the
        first that fits counts; `reset_zone` is where their day begins.
    Units: `max_wait` is how many seconds a request may wait while all units rest or are full; `breaker_pause` is how
        many a unit is spared at first.
    """

    strategy: StrategyName = "rotation"
    calls_per_rotation: int = 10
    priorities: Mapping[str, int] = field(default_factory=API_KEYS_FIRST.copy)
    weights: Mapping[str, float] = field(default_factory=dict)
    concurrency: int = 0
    max_wait: float = 0.0
    breaker_faults: int = 5
    breaker_pause: float = 30.0
    auto_ban: bool = True
    auto_ban_codes: frozenset[int] = frozenset({403})
    limits: tuple[Limit, ...] = ()
    reset_zone: str = PACIFIC

    def strategies(self, loads: Loads, clock: Clock) -> Callable[[], Strategy]:
        """Return what makes a strategy: each tier of kinds has one of its own."""
        made: dict[StrategyName, Callable[[], Strategy]] = {
            "rotation": lambda: Rotation(self.calls_per_rotation),
            "least-used": lambda: LeastUsed(loads),
            "weighted": lambda: Weighted(self.weights),
            "adaptive": lambda: Adaptive(loads, clock),
            "fill-first": FillFirst,
            "cache-affine": lambda: CacheAffine(loads),
        }
        return made[self.strategy]
