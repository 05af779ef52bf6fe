"""Who serves next: rights to use one credential and project for one model, given out, judged and taken back."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

import structlog
from msgspec import ValidationError

from pipeline.errors import AllCooling, NoCredential, StoreError, UpstreamError
from pipeline.exchange import Exchange
from pipeline.penalties import Penalties, Refusal
from pipeline.ports import Clock, Credential, CredentialStore, Lease, StateStore
from pipeline.scheduling import Scheduling
from pipeline.unit_state import UnitState, count_states, state_of
from pipeline.units import Ban, Roster, Tier, Unit

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""How long a request waits for a model that has no capacity: nobody's quota is used up and it is soon over."""


class UnitLease:
    """The right to use one unit for one model, once."""

    __slots__ = ("_granted", "_pool", "_unit", "_x", "closed", "credential", "failure", "model", "project")

    def __init__(self, pool: "LeasePool", unit: Unit, x: Exchange, granted: float) -> None:
        self.credential: Credential = unit.credential
        self.project = unit.project
        self.model = x.model
        self.failure: UpstreamError | None = None
        self.closed = False
        self._pool = pool
        self._unit = unit
        self._x = x
        self._granted = granted

    def fail(self, exc: UpstreamError) -> None:
        if self.failure is None:
            self.failure = exc
            self._x.tried |= 1 << self._unit.slot
            self._pool.failed(Refusal(self._unit, self.model, self._granted, exc))

    async def close(self, outcome: BaseException | None) -> None:
        if not self.closed:
            self.closed = True
            self._pool.closed(self._unit, self.model, answered=outcome is None and self.failure is None)


class LeasePool:
    """All credentials, and which of them serves next.

    Shape: `operations` says what each kind of credential can do. Call `start` before anything else and `close` at the
        end; the stores belong to whoever made them.
    """

    def __init__(
        self,
        store: CredentialStore,
        state: StateStore,
        clock: Clock,
        operations: Mapping[str, frozenset[str]],
        scheduling: Scheduling | None = None,
    ) -> None:
        scheduling = scheduling or Scheduling()
        self._store = store
        self._state = state
        self._clock = clock
        self._max_wait = scheduling.max_wait
        self._roster = Roster(operations, scheduling.priorities, scheduling.strategy)
        self._penalties = Penalties(self._roster, state, clock, scheduling)
        self._changed = asyncio.Event()
        self._stale = False
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load credentials and what was learnt about them, and follow changes. Errors: StoreError."""
        await self.reload()
        for name, document in (await self._state.load("rotation")).items():
            tier = next((tier for tier in self._roster.tiers if tier.name == name), None)
            unit = self._roster.named(str(document.get("unit")))
            if tier is not None and unit is not None:
                tier.last = unit.slot
                tier.strategy.start(unit.slot)
        self._follower = asyncio.create_task(self._follow())
        self._store.watch(self.wake)

    async def close(self) -> None:
        """Stop following changes."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower

    def wake(self) -> None:
        """Load credentials and state again soon: the credentials changed outside of this process."""
        self._stale = True
        self._changed.set()

    def wake_state(self) -> None:
        """Load bans and rests again soon: another process noted some."""
        self._changed.set()

    async def reload(self) -> None:
        """Load credentials, bans and rests; what is known of a unit that stays is kept. Errors: StoreError."""
        self._stale = False
        self._roster.adopt(await self._store.load())
        await self._restore()

    async def _restore(self) -> None:
        await self._state.flush()
        bans, rests = await self._state.load("disabled"), await self._state.load("cooldown")
        try:
            self._penalties.restore_bans(bans)
            self._penalties.restore_rests(rests)
        except ValidationError as exc:
            raise StoreError(f"The state store holds what is not ours: {exc}") from exc

    async def leases(self, x: Exchange, attempts: int, pause: float) -> AsyncGenerator[Lease, None]:
        rest = False
        for _ in range(attempts):
            if rest:
                await self._clock.sleep(pause)
            try:
                unit = await self._grant(x)
            except NoCredential:
                if x.tried:
                    return  # what the last of them met says more
                raise
            lease = UnitLease(self, unit, x, self._clock.tick())
            unit.active += 1
            unit.calls += 1
            x.lease = lease
            x.attempts += 1
            yield lease
            failure = lease.failure
            await lease.close(failure or UpstreamError("No answer came of it."))
            if failure is not None and failure.verdict.action == "give_up":
                return
            x.tried |= 1 << unit.slot
            rest = failure is None or not _leaves_the_fault_behind(failure)

    async def refreshed(self, credential: Credential) -> None:
        if self._roster.of(credential.id):  # else it was removed meanwhile
            self._roster.enlist(credential)
        self._penalties.lift(self._roster.of(credential.id), "refreshing")
        try:
            await self._store.save(credential)
        except StoreError as exc:  # it serves on from memory; the next refresh tries again
            log.warning("credential not saved", credential=credential.id, error=exc.message)

    def states(self) -> Mapping[tuple[str, str], int]:
        return count_states(self._roster, self._penalties, self._clock)

    def credentials(self) -> list[Credential]:
        """Return the credentials present, the ones that are out of use too."""
        return [units[0].credential for units in self._roster.credentials() if units]

    def snapshot(self) -> list[UnitState]:
        """Return every unit as an operator sees it, free of secrets."""
        units = (unit for units in self._roster.credentials() for unit in units)
        return [state_of(unit, self._roster, self._penalties, self._clock) for unit in units]

    def enable(self, name: str) -> bool:
        """Take a credential, or one unit of it, back into use, rested; False when there is none so named."""
        return self._penalties.enable(name)

    def disable(self, name: str, reason: str) -> bool:
        """Take a credential, or one unit of it, out of use; False when there is none so named."""
        return self._penalties.disable(name, Ban(reason or "disabled", "operator", self._clock.now()))

    def failed(self, refusal: Refusal) -> None:
        """Carry out what upstream's refusal means for the unit. For leases."""
        refusal.unit.failures += 1
        self._penalties.judge(refusal)

    def closed(self, unit: Unit, model: str, *, answered: bool) -> None:
        """Take a right back. For leases."""
        unit.active -= 1
        if answered:
            self._penalties.answered(unit, model)

    async def _grant(self, x: Exchange) -> Unit:
        """Return the unit to use, after waiting where that is allowed."""
        while True:
            wait = self._penalties.back_off(x.model)
            if wait > PATIENCE:
                said = f"Upstream has no capacity for {x.model} just now."
                raise AllCooling(said, retry_after=wait, status=503, error_type="provider_capacity")
            if wait <= 0:
                unit = self._pick(x)
                if unit is not None:
                    return unit
                wait = self._until_free(x)
                if wait > self._max_wait:
                    raise AllCooling(f"All credentials for {x.model} are cooling down.", retry_after=wait)
            await self._clock.sleep(wait)

    def _until_free(self, x: Exchange) -> float:
        units = 0
        for tier in self._roster.tiers:
            units |= tier.units.get(x.operation, 0)
        if not units:
            raise NoCredential(f"No credential is available that can {x.operation}.")
        return self._penalties.cooldowns.earliest(units, x.model) - self._clock.tick()

    def _pick(self, x: Exchange) -> Unit | None:
        now, cooldowns = self._clock.tick(), self._penalties.cooldowns
        for avoid in (x.tried, 0) if x.tried else (0,):
            for tier in self._roster.tiers:
                able = tier.units.get(x.operation, 0) & ~avoid
                free = cooldowns.free(able, x.model, now) if able else 0
                if free:
                    return self._from(tier, free, x)
        return None

    def _from(self, tier: Tier, free: int, x: Exchange) -> Unit:
        slot = tier.strategy.pick(free, x)
        unit = self._roster[slot]
        if slot != tier.last:
            tier.last = slot
            self._state.put("rotation", tier.name, {"unit": unit.id})
        return unit

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await (self.reload() if self._stale else self._restore())
            except StoreError as exc:
                log.warning("credentials not reloaded; those known serve on", error=exc.message)


def _leaves_the_fault_behind(exc: UpstreamError) -> bool:
    """Whether the failure stays with the unit that met it, so that the next one need not wait."""
    return exc.verdict.action in {"cool", "refresh", "disable"} and exc.verdict.scope not in {"request", "model"}
