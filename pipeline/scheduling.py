"""How units are chosen, and when one is taken out of use: what an operator may set."""

from collections.abc import Mapping

from msgspec import Struct, field

from pipeline.rotation import Rotation, Strategy

API_KEYS_FIRST = {"gemini_api": 0, "vertex_express": 0, "code_assist": 1, "vertex": 1}


class Scheduling(Struct, frozen=True, kw_only=True):
    """The settings of a pool.

    Shape: kinds of a lower number in `priorities` serve before the others; 0 where none is given. With `auto_ban` off
        only a suspended account is taken out of use. One of the HTTP statuses in `auto_ban_codes`, met again right
        after the whole unit has rested for it, takes it out too.
    Units: `max_wait` is how many seconds a request may wait while all units rest.
    """

    calls_per_rotation: int = 10
    priorities: Mapping[str, int] = field(default_factory=API_KEYS_FIRST.copy)
    max_wait: float = 0.0
    auto_ban: bool = True
    auto_ban_codes: frozenset[int] = frozenset({403})

    def strategy(self) -> Strategy:
        """Return a new strategy, one for each tier of kinds."""
        return Rotation(self.calls_per_rotation)
