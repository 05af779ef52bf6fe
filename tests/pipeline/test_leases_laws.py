"""Laws of the pool, whatever happens in whatever order."""

from typing import Any, cast, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from pipeline.books import Limit
from pipeline.errors import GIVE_UP, ROTATE, AllCooling, NoCredential, Quota, Refused, Scope, UpstreamError, Verdict
from pipeline.leases import UnitLease
from pipeline.scheduling import StrategyName
from tests.pipeline.pools import Rig, account, exchange, holdings_of, key
from tests.pipeline.virtual_time import VirtualLoop

SCOPES: tuple[Scope, ...] = ("unit_model", "project_model", "unit", "credential")
MODELS = ("flash", "pro")
CREDENTIALS = (key("a", "p"), key("b", "p"), key("c"), account("d", "one", "two"), account("e"))
FAULTS = [
    *(Verdict(scope, "cool", seconds) for scope in SCOPES for seconds in (5.0, 4000.0)),
    Verdict("unit_model", "cool"),
    Verdict("project_model", "cool", 5.0, quotas=(Quota("rpm", 4),)),
    Verdict("credential", "disable", None, "made up"),
]
SUSPECT = Verdict("unit_model", "cool", None, suspect=True)
LIMITS = (Limit(model="flash", project="p", rpm=6), Limit(model="pro", rpd=25))
STRATEGIES = get_args(StrategyName)
HARMLESS = [GIVE_UP, ROTATE, ROTATE, ROTATE, ROTATE]


class Asking:
    """One request: its attempts, and the units it has met."""

    def __init__(self, rig: Rig, model: str) -> None:
        self.leases = rig.pool.leases(exchange(model), 6, 0.0)
        self.model = model
        self.suspected = False
        self.met: list[UnitLease] = []


class PoolMachine(RuleBasedStateMachine):
    """Requests that overlap, refusals of every kind, and time."""

    asking = Bundle("asking")
    serving = Bundle("serving")

    @initialize(
        calls=st.integers(1, 5),
        strategy=st.sampled_from(STRATEGIES),
        concurrency=st.integers(0, 3),
        faults=st.integers(0, 2),
        limits=st.sampled_from([(), LIMITS]),
    )
    def open(
        self, calls: int, strategy: StrategyName, concurrency: int, faults: int, limits: tuple[Limit, ...]
    ) -> None:
        self.loop = VirtualLoop()  # on a real one the pool's own tasks come in now and then, and no run is like another
        self.concurrency = concurrency
        self.rig = Rig(
            *CREDENTIALS,
            calls_per_rotation=calls,
            strategy=strategy,
            concurrency=concurrency,
            breaker_faults=faults,
            limits=limits,
        )
        self.run(self.rig.started())
        self.ends: dict[tuple[str, str], float] = {}
        self.leases: list[UnitLease] = []

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.rig.pool.close())
            self.run(holdings_of(self.rig.pool).close())
            self.run(self.loop.shutdown_asyncgens())
            self.loop.close()

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def free(self, model: str) -> set[str]:
        now = self.rig.clock.now()
        return {
            unit.id
            for unit in self.rig.pool.snapshot()
            if unit.state not in {"disabled", "quarantined"}
            and not (self.concurrency and self.calls_of(unit.credential) >= self.concurrency)
            and not any(of in {"", model} and rest.until > now for of, rest in unit.rests.items())
        }

    def calls_of(self, credential: str) -> int:
        return sum(not lease.closed for lease in self.leases if lease.credential.id == credential)

    @rule(target=asking, model=st.sampled_from(MODELS))
    def ask(self, model: str) -> Asking:
        return Asking(self.rig, model)

    @rule(request=asking, verdict=st.sampled_from([*FAULTS, *HARMLESS]))
    def attempt(self, request: Asking, verdict: Verdict) -> None:
        lease = self.grant(request)
        if lease is not None:
            self.fail(lease, verdict)

    @rule(request=asking)
    def meet_what_may_be_the_requests_fault(self, request: Asking) -> None:
        lease = self.grant(request)
        if lease is None:
            return
        before = self.standing()
        lease.fail(Refused(verdict=SUSPECT))
        if request.suspected:
            assert self.standing() == before
        self.run(lease.close(lease.failure))
        request.suspected = True

    @rule(target=serving, request=asking)
    def begin(self, request: Asking) -> Any:
        lease = self.grant(request)
        return multiple() if lease is None else lease

    @rule(lease=consumes(serving), verdict=st.sampled_from([*FAULTS, *HARMLESS]))
    def break_off(self, lease: UnitLease, verdict: Verdict) -> None:
        self.fail(lease, verdict)

    @rule(lease=consumes(serving), twice=st.booleans())
    def answer(self, lease: UnitLease, twice: bool) -> None:
        for _ in range(1 + twice):
            self.run(lease.close(None))

    def grant(self, request: Asking) -> UnitLease | None:
        if request.met:  # asking for the next lease ends the last one
            self.run(request.met[-1].close(UpstreamError()))
        met = {lease._grant.unit.id for lease in request.met}
        free = self.free(request.model)
        try:
            lease = cast("UnitLease", self.run(anext(request.leases)))
        except (AllCooling, NoCredential, StopAsyncIteration):
            return None
        unit = lease._grant.unit.id
        assert unit in free
        assert unit not in met or not free - met
        request.met.append(lease)
        self.leases.append(lease)
        return lease

    def fail(self, lease: UnitLease, verdict: Verdict) -> None:
        before = self.standing()
        exc = Refused(verdict=verdict, status=429)
        lease.fail(exc)
        if verdict.action != "give_up" and exc.retry_after is not None:
            assert self.rests_over(lease.model, self.rig.clock.now() + exc.retry_after)
        harmless = lease.failure is not None and lease.failure.verdict in HARMLESS
        if harmless:
            assert self.standing() == before
        self.run(lease.close(lease.failure))
        if not harmless:
            assert lease._grant.unit.id not in self.free(lease.model)

    def rests_over(self, model: str, at: float) -> bool:
        """Whether some unit in use rests no longer then."""
        return any(
            unit.state not in {"disabled", "quarantined"}
            and all(rest.until <= at + 1e-6 for of, rest in unit.rests.items() if of in {"", model})
            for unit in self.rig.pool.snapshot()
        )

    def standing(self) -> list[Any]:
        return [(unit.id, unit.state, unit.rests) for unit in self.rig.pool.snapshot()]

    @rule(seconds=st.floats(0.1, 200))
    def wait(self, seconds: float) -> None:
        self.rig.clock.time += seconds

    @rule(name=st.sampled_from([each.id for each in CREDENTIALS]))
    def reload_without(self, name: str) -> None:
        credential = next(each for each in CREDENTIALS if each.id == name)
        self.run(self.rig.store.remove(name))
        self.run(self.rig.pool.reload())
        self.run(self.rig.store.add(credential))
        self.run(self.rig.pool.reload())

    @invariant()
    @precondition(lambda self: hasattr(self, "rig"))
    def no_rest_ends_early(self) -> None:
        now = self.rig.clock.now()
        ends = {
            (unit.id, of): rest.until
            for unit in self.rig.pool.snapshot()
            for of, rest in unit.rests.items()
            if "is spent" not in rest.reason  # the ledger's may: something was given back
        }
        for place, until in self.ends.items():
            assert until <= now or ends.get(place, 0.0) >= until - 1e-3
        self.ends = ends

    @invariant()
    @precondition(lambda self: hasattr(self, "rig"))
    def no_credential_has_more_calls_than_it_may(self) -> None:
        if self.concurrency:
            assert all(self.calls_of(each.id) <= self.concurrency for each in CREDENTIALS)

    @invariant()
    @precondition(lambda self: hasattr(self, "rig"))
    def no_quota_is_overdrawn_by_more_than_was_learnt_too_late(self) -> None:
        for each in self.rig.pool.forecast():
            if (each.project, each.quota, each.limit) in {("p", "rpm", 6), ("p", "rpd", 25)}:
                tallies = [tally for book in self.rig.pool._ledger._open_books() for tally in book.tallies]
                same = [tally for tally in tallies if (tally.quota, tally.limit) == (each.quota, each.limit)]
                assert all(tally.left >= 0 for tally in same)

    @invariant()
    @precondition(lambda self: hasattr(self, "rig"))
    def every_lease_is_counted_until_it_is_closed_and_once(self) -> None:
        active = sum(unit.active for unit in self.rig.pool.snapshot())
        assert active == sum(not lease.closed for lease in self.leases)


PoolMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestPool = PoolMachine.TestCase
