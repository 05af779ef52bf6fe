"""Stage `credential`: whose right is used."""

from collections.abc import AsyncGenerator

from pipeline.exchange import Exchange
from pipeline.ports import Lease, Ports
from pipeline.stage import Stage, StageConfig


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

        def leases(x: Exchange) -> AsyncGenerator[Lease, None]:
            return pool.leases(x, attempts, pause)

        async def credential(x: Exchange) -> None:
            x.leases = leases

        return credential
