"""Stage `credential`: whose right is used."""

from collections.abc import AsyncGenerator, Callable

from pipeline.exchange import Exchange
from pipeline.ports import Lease, Ports
from pipeline.stage import Stage, StageConfig


class Leases:
    """The leases of one exchange; each iteration starts a new set of attempts."""

    __slots__ = ("_draw",)

    def __init__(self, draw: Callable[[], AsyncGenerator[Lease, None]]) -> None:
        self._draw = draw

    def __aiter__(self) -> AsyncGenerator[Lease, None]:
        return self._draw()


class Credential(StageConfig, frozen=True):
    """Offer leases, one per attempt: a different (credential, project) each time while another is free.

    Shape: `attempts` is the number of leases to try before giving up (one and the retries); `pause` is what a failed
        attempt is followed by.
    Units: `pause` in seconds.
    """

    name = "credential"
    needs = frozenset({"model", "operation"})
    gives = frozenset({"leases"})

    attempts: int = 4
    pause: float = 1.0

    def build(self, ports: Ports) -> Stage:
        pool, attempts, pause = ports.pool, self.attempts, self.pause

        async def credential(x: Exchange) -> None:
            x.leases = Leases(lambda: pool.leases(x, attempts, pause))

        return credential
