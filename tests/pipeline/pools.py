"""A pool over stores in memory, on a clock that moves only when told."""

from typing import Any, cast

from pipeline.errors import Busy, Refused, Terms, UpstreamError, Verdict
from pipeline.exchange import Exchange, Request
from pipeline.leases import LeasePool, UnitLease
from pipeline.ports import Credential
from pipeline.scheduling import Scheduling
from stores.memory import MemoryCredentials, MemoryState

OPERATIONS = {
    "gemini_api": frozenset({"generate", "embed"}),
    "code_assist": frozenset({"generate"}),
    "vertex": frozenset({"generate"}),
}


class HandClock:
    """Stands still; sleeping moves it on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return 1_700_000_000.0 + self.time

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


class Rig:
    """One pool and what it stands on; `again` is the same after a restart."""

    def __init__(self, *credentials: Credential, **scheduling: Any) -> None:
        self.clock = HandClock()
        self.store = MemoryCredentials(credentials)
        self.state = MemoryState()
        self.scheduling = Scheduling(**({"calls_per_rotation": 1} | scheduling))
        self.pool = self._new()

    def _new(self) -> LeasePool:
        return LeasePool(self.store, self.state, self.clock, OPERATIONS, self.scheduling)

    async def started(self) -> "Rig":
        await self.pool.start()
        return self

    async def again(self) -> None:
        await self.pool.close()
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
