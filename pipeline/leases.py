"""Who serves next: rights to use one credential and project for one model, given out, judged and taken back."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

import structlog
from msgspec import ValidationError

from pipeline.books import Forecast
from pipeline.errors import NoCredential, StoreError, UpstreamError
from pipeline.exchange import Exchange
from pipeline.grants import Grant, Grants
from pipeline.holdings import Holdings
from pipeline.ledger import LEARNT, Ledger
from pipeline.loads import Loads
from pipeline.penalties import Cooled, Penalties
from pipeline.ports import Clock, Credential, CredentialStore, Lease, StateStore
from pipeline.scheduling import Scheduling
from pipeline.unit_state import UnitState, count_states, state_of
from pipeline.units import Ban, Roster, Tier, Unit

log = structlog.get_logger(__name__)

_LOOKED_AT = 1.0
"""Seconds after which workers look what the others have spent of quotas."""
_AGAIN = 1.0
"""Seconds until what could not be read is read again."""
_NOTED = 10
"""How many times as long as reading all notes took none are read: 5,000 of them take 10 ms of the loop's time."""
_SOONEST = 0.5
"""Seconds within which the notes of others are read all the same."""
_SPARED = 20
"""How many times as long as a look took there is none: in Redis it takes 20 us for each account, of the loop's time."""


class UnitLease:
    """The right to use one unit for one model, once."""

    __slots__ = ("_grant", "_grants", "_x", "closed", "credential", "failure", "model", "project")

    def __init__(self, grants: Grants, grant: Grant, x: Exchange) -> None:
        self.credential: Credential = grant.unit.credential
        self.project = grant.unit.project
        self.model = grant.model
        self.failure: UpstreamError | None = None
        self.closed = False
        self._grants = grants
        self._grant = grant
        self._x = x

    def fail(self, exc: UpstreamError) -> None:
        if self.failure is None:
            self.failure = exc
            self._x.tried |= 1 << self._grant.unit.slot
            self._grants.failed(self._grant, self._x, exc)

    async def close(self, outcome: BaseException | None) -> None:
        if not self.closed:
            self.closed = True
            self._grants.ended(self._grant, self._x, answered=outcome is None and self.failure is None)


class LeasePool:
    """All credentials, and which of them serves next.

    Shape: `operations` says what each kind of credential can do. `holdings` are for quotas; without them none is
        counted. Call `start` before anything else and `close` at the end; stores and holdings belong to whoever made
        them.
    """

    def __init__(
        self,
        store: CredentialStore,
        state: StateStore,
        clock: Clock,
        operations: Mapping[str, frozenset[str]],
        scheduling: Scheduling | None = None,
        cooled: Cooled | None = None,
        holdings: Holdings | None = None,
    ) -> None:
        scheduling = scheduling or Scheduling()
        self._store = store
        self._state = state
        self._clock = clock
        self._scheduling = scheduling
        loads = Loads(scheduling.concurrency)
        self._roster = Roster(operations, scheduling.priorities, scheduling.strategies(loads, clock), loads)
        self._penalties = Penalties(self._roster, state, clock, scheduling, cooled)
        self._ledger = Ledger(scheduling, self._roster, self._penalties.cooldowns, state, clock, holdings)
        self._grants = Grants(self._roster, self._penalties, self._ledger, clock, scheduling, self._moved)
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._stale = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load credentials and what was learnt about them, and follow changes. Errors: StoreError."""
        await self.reload()
        for name, document in (await self._state.load("rotation")).items():
            tier = next((tier for tier in self._roster.tiers if tier.name == name), None)
            unit = self._roster.named(str(document.get("unit")))
            if tier is not None and unit is not None:
                tier.last = unit.slot
                tier.strategy.start(unit.slot)
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._look())]
        self._store.watch(self.wake)

    async def close(self) -> None:
        """Stop following changes."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """Load credentials and state again soon: the credentials changed outside of this process."""
        self._stale = True
        self._changed.set()

    def wake_state(self) -> None:
        """Load bans, rests and learnt limits again soon: another process noted some."""
        self._changed.set()

    def reschedule(self, scheduling: Scheduling) -> None:
        """Choose as these settings say from now on: strategy, weights, `max_wait` and bans; others stay as they are."""
        if scheduling != self._scheduling:
            self._scheduling = scheduling
            self._roster.reschedule(scheduling.strategies(self._roster.loads, self._clock))
            self._grants.max_wait = scheduling.max_wait
            self._penalties.ban_as(scheduling)

    async def reload(self) -> None:
        """Load credentials, bans and rests; what is known of a unit that stays is kept. Errors: StoreError."""
        async with self._reading:  # what was read first must not come in the place of what was read later
            self._stale = False
            self._roster.adopt(await self._store.load())
            await self._restore()

    async def _relearn(self) -> None:
        async with self._reading:
            await self._restore()

    async def _restore(self) -> None:
        await self._state.flush()
        self._penalties.look()
        bans, rests = await self._state.load("disabled"), await self._state.load("cooldown")
        learnt = await self._state.load(LEARNT)
        try:
            self._ledger.restore(learnt)
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
                grant = await self._grants.grant(x)
            except NoCredential:
                if x.tried:
                    return  # what the last of them met says more
                raise
            lease = UnitLease(self._grants, grant, x)
            x.lease = lease
            x.attempts += 1
            yield lease
            failure = lease.failure
            await lease.close(failure or UpstreamError("No answer came of it."))
            if failure is not None and failure.verdict.action == "give_up":
                return
            x.tried |= 1 << grant.unit.slot
            rest = failure is None or not _leaves_the_fault_behind(failure)

    async def refreshed(self, credential: Credential) -> None:
        units = self._roster.of(credential.id)
        if units and units[0].is_of(credential):  # else it was removed or replaced meanwhile
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

    def forecast(self) -> list[Forecast]:
        """Say of every quota in use what is left, and when it will be dry."""
        return self._ledger.forecast()

    def _moved(self, tier: Tier, unit: Unit) -> None:
        if tier.strategy.resumes:
            self._state.put("rotation", tier.name, {"unit": unit.id})

    async def _follow(self) -> None:
        serves_on = False
        while True:
            await self._changed.wait()
            self._changed.clear()
            stale, began = self._stale, self._clock.tick()
            try:
                await (self.reload() if stale else self._relearn())
                serves_on = False
            except StoreError as exc:
                if not serves_on:
                    log.warning("credentials not reloaded; those known serve on", error=exc.message)
                serves_on = True
                self._stale |= stale
                self._changed.set()
            rest = _NOTED * (self._clock.tick() - began)
            await asyncio.sleep(_AGAIN if serves_on else min(rest, _SOONEST))

    async def _look(self) -> None:
        together, took = True, 0.0
        while True:
            await asyncio.sleep(max(_LOOKED_AT, _SPARED * took))
            began = self._clock.tick()
            try:
                await self._ledger.sync()
                together = True
            except StoreError as exc:
                if together:
                    log.warning("quotas are not shared; each worker counts alone", error=exc.message)
                together = False
            took = self._clock.tick() - began


def _leaves_the_fault_behind(exc: UpstreamError) -> bool:
    """Whether the failure stays with the unit that met it, so that the next one need not wait."""
    return exc.verdict.action in {"cool", "refresh", "disable"} and exc.verdict.scope not in {"request", "model"}
