"""Laws of the pool, whatever happens in whatever order."""

import asyncio
from typing import Any, cast

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

from pipeline.errors import GIVE_UP, ROTATE, AllCooling, NoCredential, Refused, Scope, Verdict
from pipeline.leases import UnitLease
from tests.pipeline.pools import Rig, account, exchange, key

SCOPES: tuple[Scope, ...] = ("unit_model", "project_model", "unit", "credential")
MODELS = ("flash", "pro")
CREDENTIALS = (key("a", "p"), key("b", "p"), key("c"), account("d", "one", "two"), account("e"))
FAULTS = [
    *(Verdict(scope, "cool", seconds) for scope in SCOPES for seconds in (5.0, 4000.0)),
    Verdict("unit_model", "cool"),
    Verdict("credential", "disable", None, "made up"),
]
HARMLESS = [GIVE_UP, ROTATE, ROTATE, ROTATE, ROTATE]


class Asking:
    """One request: its attempts, and the units it has met."""

    def __init__(self, rig: Rig, model: str) -> None:
        self.leases = rig.pool.leases(exchange(model), 6, 0.0)
        self.model = model
        self.met: list[UnitLease] = []


class PoolMachine(RuleBasedStateMachine):
    """Requests that overlap, refusals of every kind, and time."""

    asking = Bundle("asking")
    serving = Bundle("serving")

    @initialize(calls=st.integers(1, 5))
    def open(self, calls: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.rig = Rig(*CREDENTIALS, calls_per_rotation=calls)
        self.run(self.rig.started())
        self.ends: dict[tuple[str, str], float] = {}
        self.leases: list[UnitLease] = []

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.rig.pool.close())
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
            and not any(of in {"", model} and rest.until > now for of, rest in unit.rests.items())
        }

    @rule(target=asking, model=st.sampled_from(MODELS))
    def ask(self, model: str) -> Asking:
        return Asking(self.rig, model)

    @rule(request=asking, verdict=st.sampled_from([*FAULTS, *HARMLESS]))
    def attempt(self, request: Asking, verdict: Verdict) -> None:
        lease = self.grant(request)
        if lease is not None:
            self.fail(lease, verdict)

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
        met = {lease._grant.unit.id for lease in request.met}
        try:
            lease = cast("UnitLease", self.run(anext(request.leases)))
        except (AllCooling, NoCredential, StopAsyncIteration):
            return None
        free = self.free(request.model)
        assert lease._grant.unit.id in free
        assert lease._grant.unit.id not in met or not free - met
        request.met.append(lease)
        self.leases.append(lease)
        return lease

    def fail(self, lease: UnitLease, verdict: Verdict) -> None:
        before = self.standing()
        lease.fail(Refused(verdict=verdict))
        self.run(lease.close(lease.failure))
        if lease.failure is not None and lease.failure.verdict in HARMLESS:
            assert self.standing() == before
        else:
            assert lease._grant.unit.id not in self.free(lease.model)

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
        ends = {(unit.id, of): rest.until for unit in self.rig.pool.snapshot() for of, rest in unit.rests.items()}
        for place, until in self.ends.items():
            assert until <= now or ends.get(place, 0.0) >= until - 1e-3
        self.ends = ends

    @invariant()
    @precondition(lambda self: hasattr(self, "rig"))
    def every_lease_is_counted_until_it_is_closed_and_once(self) -> None:
        active = sum(unit.active for unit in self.rig.pool.snapshot())
        assert active == sum(not lease.closed for lease in self.leases)


PoolMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestPool = PoolMachine.TestCase
