"""Who serves next: rights are granted, judged by how the call went, and taken back."""

from collections.abc import Callable
from math import inf
from weakref import WeakKeyDictionary

from msgspec import Struct

from pipeline.allowance import PATIENCE as LENT
from pipeline.books import Book
from pipeline.breakers import Breakers
from pipeline.cooldowns import SHORTEST
from pipeline.errors import AllCooling, NoCredential, UpstreamError
from pipeline.exchange import Exchange
from pipeline.ledger import Ledger
from pipeline.lines import Lines, Place
from pipeline.penalties import Penalties, Refusal
from pipeline.ports import Clock
from pipeline.reservations import Reservation, Shortage
from pipeline.rotation import Strategy
from pipeline.scheduling import Scheduling
from pipeline.units import Roster, Tier, Unit

PATIENCE = 5.0
"""How long a request waits for a model that has no capacity: nobody's quota is used up and it is soon over."""

BREAKS = frozenset({"provider_5xx", "provider_timeout", "provider_connect", "provider_cut"})
"""The faults that a circuit breaker counts."""

COUNTED = frozenset({"generate", "embed", "batch_embed"})
"""The operations that quotas are counted for: counting tokens is free."""

COME_BACK = frozenset({429, 503})
"""The statuses that tell the caller when to ask again."""


class Grant(Struct):
    """One unit for one call. Units: `at` by the clock's tick."""

    unit: Unit
    model: str
    at: float
    probe: bool
    reservation: Reservation | None


class Search(Struct):
    """The search for a unit for one call.

    Shape: `poor` is the set of units that have too few tokens left for it, `until` when that may be otherwise; `place`
        is where it waits for a unit that is not full.
    Units: `began` and `until` by the clock's tick.
    """

    began: float
    place: Place | None = None
    poor: int = 0
    until: float = inf


class Grants:
    """Chooses units and keeps account of their calls.

    Shape: `moved` is told when the rotation of a tier has come to another unit.
    """

    def __init__(
        self,
        roster: Roster,
        penalties: Penalties,
        ledger: Ledger,
        clock: Clock,
        scheduling: Scheduling,
        moved: Callable[[Tier, Unit], None],
    ) -> None:
        self._roster = roster
        self._loads = roster.loads
        self._penalties = penalties
        self._ledger = ledger
        self._clock = clock
        self.max_wait = scheduling.max_wait
        self._breakers = Breakers(scheduling.breaker_faults, scheduling.breaker_pause)
        self._moved = moved
        self._lines = Lines()
        self._met: WeakKeyDictionary[Exchange, set[str]] = WeakKeyDictionary()

    async def grant(self, x: Exchange) -> Grant:
        """Return the unit to use, after waiting where that is allowed. Errors: NoCredential, AllCooling."""
        search = Search(self._clock.tick())
        try:
            while True:
                grant = await self._search(x, search)
                if grant is not None:
                    return grant
        finally:
            self._leave(search)

    def pick(self, x: Exchange, poor: int = 0) -> Unit | None:
        """Return the unit that is to serve now; None when all of them rest, are full or too poor."""
        now, cooldowns, out = self._clock.tick(), self._penalties.cooldowns, self._loads.full | poor
        for avoided in _avoidances(x.tried, self._breakers.spared(now)):
            for tier in self._roster.tiers:
                able = tier.units.get(x.operation, 0) & ~(avoided | out)
                free = cooldowns.free(able, x.model, now) if able else 0
                if free:
                    return self._from(tier, free, x)
        return None

    def failed(self, grant: Grant, x: Exchange, exc: UpstreamError) -> None:
        """Carry out what upstream's refusal means for the unit that met it."""
        unit, verdict = grant.unit, exc.verdict
        unit.failures += 1
        if verdict.action == "give_up":
            return
        if verdict.quotas:
            self._ledger.learn(unit, grant.model, verdict.quotas)
        new = self._is_new(x, exc)
        # A fault that follows a request from unit to unit is the request's: the first has paid for it.
        if new or not verdict.suspect:
            self._penalties.judge(Refusal(unit, grant.model, grant.at, exc))
        if exc.status in COME_BACK:
            exc.retry_after = self._back_in(x) or exc.retry_after
        now = self._clock.tick()
        if new and exc.error_type in BREAKS:
            self._breakers.broke(unit.slot, now)
        self._strategy_of(unit).ended(unit.slot, now - grant.at, failed=True)

    def ended(self, grant: Grant, x: Exchange, *, answered: bool) -> None:
        """Take a right back."""
        slot, now = grant.unit.slot, self._clock.tick()
        self._loads.end(slot)
        if answered:
            self._penalties.answered(grant.unit, grant.model)
            self._breakers.answered(slot)
            began = x.first_byte if x.first_byte > grant.at else now
            self._strategy_of(grant.unit).ended(slot, began - grant.at, failed=False)
        if grant.probe:
            self._breakers.probed(slot, now)
        if grant.reservation is None:
            pass
        elif answered or x.first_byte:
            self._ledger.settle(grant.reservation, x.usage.get("promptTokenCount", 0))
        else:
            self._ledger.refund(grant.reservation)
        self._lines.call()

    async def _search(self, x: Exchange, search: Search) -> Grant | None:
        """Return the unit to use; None, after waiting, when it is to be looked for again."""
        wait = self._penalties.back_off(x.model)
        if wait > PATIENCE:
            said = f"Upstream has no capacity for {x.model} just now."
            raise AllCooling(said, retry_after=wait, status=503, error_type="provider_capacity")
        if wait > 0:
            self._leave(search)
            await self._clock.sleep(wait)
            return None
        is_last = search.place is None and (x.operation, x.model) in self._lines
        unit = None if is_last else self.pick(x, search.poor)
        if unit is None:
            await self._wait(x, search)
            return None
        book = self._ledger.book(unit, x.model) if x.operation in COUNTED else None
        if book is None:
            return self._begin(unit, x)
        reservation = self._ledger.reserve(book, unit, x.size)
        if reservation is not None or (reservation := await self._obtain(book, unit, x, search)):
            return self._begin(unit, x, reservation)
        return None

    async def _obtain(self, book: Book, unit: Unit, x: Exchange, search: Search) -> Reservation | None:
        """Ask the store for what is not on lease here; None when it is to be another unit."""
        found = await self._ledger.obtain(book, x.size)
        if isinstance(found, Shortage):
            if found.units:
                search.poor |= found.units
                search.until = min(search.until, found.until)
            return None
        able = self._roster.tier_of(unit).units.get(x.operation, 0) & 1 << unit.slot & ~self._loads.full
        if self._penalties.cooldowns.free(able, x.model, self._clock.tick()):
            return found
        self._ledger.refund(found)  # while the store was asked, something happened to the unit
        return None

    def _begin(self, unit: Unit, x: Exchange, reservation: Reservation | None = None) -> Grant:
        unit.calls += 1
        self._loads.begin(unit.slot)
        return Grant(unit, x.model, self._clock.tick(), self._breakers.begin(unit.slot), reservation)

    def _from(self, tier: Tier, free: int, x: Exchange) -> Unit:
        slot = tier.strategy.pick(free, x)
        unit = self._roster[slot]
        if slot != tier.last:
            tier.last = slot
            self._moved(tier, unit)
        return unit

    def _back_in(self, x: Exchange) -> float | None:
        """Return in how many seconds a unit serves this model again; None when there is none left.

        Upstream's own figure is not it: another unit may be free, and the one that was refused rests a little longer.
        """
        units, now, cooldowns = self._roster.able(x.operation), self._clock.tick(), self._penalties.cooldowns
        if not units:
            return None
        rest = self._penalties.back_off(x.model)
        if not cooldowns.free(units, x.model, now):
            rest = max(rest, cooldowns.earliest(units, x.model) - now)
        return max(rest, SHORTEST)

    async def _wait(self, x: Exchange, search: Search) -> None:
        """Wait for the first unit to be free again. Errors: NoCredential; AllCooling when that takes too long."""
        units = self._roster.able(x.operation)
        if not units:
            raise NoCredential(f"No credential is available that can {x.operation}.")
        now, cooldowns = self._clock.tick(), self._penalties.cooldowns
        units &= ~search.poor
        if not units:
            said = f"What is left of the token quotas for {x.model} is too little for this request."
            raise AllCooling(said, retry_after=search.until - now)
        give_up_at = search.began + self.max_wait
        if cooldowns.free(units, x.model, now):
            if now >= give_up_at:
                said = f"All credentials for {x.model} have as many calls under way as they may have."
                raise AllCooling(said, retry_after=1.0, error_type="proxy_queue_full")
            if search.place is None:
                search.place = self._lines.join((x.operation, x.model))
            await self._lines.wait(search.place, self._clock, give_up_at - now)
            return
        self._leave(search)
        if now < self._ledger.lent_until(x.model):
            give_up_at = max(give_up_at, search.began + LENT)
        wait = cooldowns.earliest(units, x.model) - now
        if now + wait > give_up_at:
            raise AllCooling(f"All credentials for {x.model} are cooling down.", retry_after=wait)
        await self._clock.sleep(wait)

    def _leave(self, search: Search) -> None:
        if search.place is not None:
            self._lines.leave(search.place)
            search.place = None

    def _is_new(self, x: Exchange, exc: UpstreamError) -> bool:
        """Whether this exchange meets this fault for the first time."""
        signature = f"{exc.error_type} {(exc.detail or {}).get('code', exc.status)}"
        met = self._met.setdefault(x, set())
        if signature in met:
            return False
        met.add(signature)
        return True

    def _strategy_of(self, unit: Unit) -> Strategy:
        return self._roster.tier_of(unit).strategy


def _avoidances(tried: int, spared: int) -> tuple[int, ...]:
    """What is to be avoided, from best to worst: a breaker that is open weighs less than a unit met before."""
    if not spared:
        return (tried, 0) if tried else (0,)
    return (tried | spared, tried, 0) if tried else (spared, 0)
