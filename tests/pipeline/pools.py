"""A pool over stores in memory, on a clock that moves only when told."""

import atexit
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, cast

from pipeline.errors import Busy, Refused, Terms, UpstreamError, Verdict
from pipeline.exchange import Exchange, Request
from pipeline.holdings import Holdings
from pipeline.leases import LeasePool, UnitLease
from pipeline.ports import Clock, Credential, CredentialStore, StateStore
from pipeline.scheduling import Scheduling
from pipeline.spending import Spending
from pipeline.windows import Windows
from stores.memory import MemoryCredentials, MemoryState

OPERATIONS = {
    "gemini_api": frozenset({"generate", "embed"}),
    "code_assist": frozenset({"generate"}),
    "vertex": frozenset({"generate"}),
}

FOLDER = Path(tempfile.mkdtemp(prefix="pollux-holdings-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


class HandClock:
    """Stands still; sleeping moves it on. Shape: `ahead` is by how much the time of day is wrong."""

    def __init__(self) -> None:
        self.time = self.ahead = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return 1_700_000_000.0 + self.time + self.ahead

    def tick(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def key(name: str, project: str = "") -> Credential:
    return Credential(id=name, kind="gemini_api", api_key=f"made-up-{name}", projects=[project] if project else [])


def account(name: str, *projects: str) -> Credential:
    return Credential(
        id=name, kind="code_assist", refresh_token=f"made-up-{name}", projects=list(projects or ["_auto"])
    )


def exchange(model: str = "flash", operation: str = "generate") -> Exchange:
    request = Request("POST", "/", [])
    return Exchange("x", request, cast("Any", None), 0.0, model=model, operation=operation)


def pool_over(store: CredentialStore, state: StateStore, clock: Clock, scheduling: Scheduling) -> LeasePool:
    """A pool as a worker has it; its leases are looked after by `holdings_of(pool).sync` alone."""
    holdings = Holdings(state, clock, Windows(scheduling.reset_zone), FOLDER)
    pool = LeasePool(store, state, clock, OPERATIONS, scheduling, holdings=holdings)
    weakref.finalize(pool, _discard, holdings._spending)
    return pool


def holdings_of(pool: LeasePool) -> Holdings:
    holdings = pool._ledger._holdings
    assert holdings is not None
    return holdings


def _discard(spending: Spending) -> None:
    if spending.path.exists():  # else it was closed, as it is at the end of a worker
        spending.remove()
        spending.close()


class Rig:
    """One pool and what it stands on; `again` is the same after a restart."""

    def __init__(self, *credentials: Credential, **scheduling: Any) -> None:
        self.clock = HandClock()
        self.store = MemoryCredentials(credentials)
        self.state = MemoryState()
        self.scheduling = Scheduling(**({"calls_per_rotation": 1} | scheduling))
        self.pool = self._new()

    def _new(self) -> LeasePool:
        return pool_over(self.store, self.state, self.clock, self.scheduling)

    async def started(self) -> "Rig":
        await self.pool.start()
        return self

    async def again(self) -> None:
        await self.pool.close()
        await holdings_of(self.pool).close()
        self.pool = self._new()
        await self.pool.start()

    async def lease(self, model: str = "flash", operation: str = "generate") -> UnitLease:
        async for lease in self.pool.leases(exchange(model, operation), 1, 0.0):
            return cast("UnitLease", lease)
        raise AssertionError("no lease")

    async def meet(self, exc: UpstreamError, model: str = "flash") -> str:
        """One request that fails so; returns the credential it met."""
        lease = await self.lease(model)
        self.clock.time += 0.5
        lease.fail(exc)
        await lease.close(exc)
        return lease.credential.id

    async def served(self, count: int, model: str = "flash") -> list[str]:
        """The credentials of so many requests that succeed."""
        served = []
        for _ in range(count):
            lease = await self.lease(model)
            self.clock.time += 0.5
            await lease.close(None)
            served.append(lease.credential.id)
        return served

    def states(self) -> dict[str, str]:
        return {unit.id: unit.state for unit in self.pool.snapshot()}


def busy(scope: str = "unit_model", seconds: float | None = None) -> Busy:
    return Busy("quota", verdict=Verdict(cast("Any", scope), "cool", seconds, "quota"), detail={"code": 429})


def forbidden(action: str = "disable", scope: str = "credential", seconds: float | None = None) -> Refused:
    verdict = Verdict(cast("Any", scope), cast("Any", action), seconds, "key leaked")
    return Refused("forbidden", verdict=verdict, status=502, detail={"code": 403})


def suspended() -> Terms:
    return Terms(verdict=Verdict("credential", "disable", None, "TOS_VIOLATION"))
