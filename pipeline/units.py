"""What is scheduled: one credential with one project, and the roster of all of them."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from pipeline.loads import Loads
from pipeline.ports import Credential
from pipeline.rotation import Strategy, slots

AUTO = "_auto"


class Unit(Struct, eq=False, kw_only=True):
    """One credential with one of its projects.

    Shape: `place` is the project's place in the credential's list: the unit stays the same when `_auto` is resolved.
        `shares` is what it shares public quotas by, `account` what they are kept under.
    """

    id: str
    slot: int
    credential: Credential
    place: int
    shares: tuple[str, str] | None = None
    account: str = ""
    calls: int = 0
    failures: int = 0

    @property
    def project(self) -> str:
        """The project's id, `_auto` until it is known, empty where none is needed."""
        projects = self.credential.projects
        return projects[self.place] if self.place < len(projects) else ""

    def is_of(self, credential: Credential) -> bool:
        """Whether this is the very secret that the unit holds, maybe read anew."""
        return self.credential is credential or fingerprint(self.credential) == fingerprint(credential)


class Ban(Struct, frozen=True, omit_defaults=True):
    """Why a credential or unit is out of use; an empty reason overrides what the credential's own file says.

    Shape: `of` is the fingerprint of the only secret it holds for: a file's new content is not guilty. Empty: any.
    Units: `at` in epoch seconds.
    """

    reason: str = ""
    by: Literal["upstream", "operator"] = "operator"
    at: float = 0.0
    of: str = ""


def fingerprint(credential: Credential) -> str:
    """Return what tells one secret from another, and gives neither away."""
    account = credential.service_account or {}
    secret = credential.api_key or credential.refresh_token or account.get("private_key_id", "")
    return sha256(f"{credential.kind} {secret}".encode()).hexdigest()[:12]


class Tier(Struct, eq=False):
    """Kinds of equal priority, with a rotation of their own. Shape: `units` is a set of slots by operation."""

    name: str
    strategy: Strategy
    units: dict[str, int]
    last: int = -1


class Roster:
    """All units there are, in tiers of descending preference, and which of them are out of use.

    A unit keeps its slot for as long as the process lives, also while its credential is away: what was learnt about it
    holds when it comes back. Another secret under the same name is another unit.
    """

    def __init__(
        self,
        operations: Mapping[str, frozenset[str]],
        priorities: Mapping[str, int],
        strategy: Callable[[], Strategy],
        loads: Loads,
    ) -> None:
        ranks = {kind: priorities.get(kind, 0) for kind in operations}
        by_rank = {rank: Tier(str(rank), strategy(), {}) for rank in sorted(set(ranks.values()))}
        self.tiers = list(by_rank.values())
        self.bans: dict[str, Ban] = {}
        self.loads = loads
        self._operations = operations
        self._tier_of = {kind: by_rank[rank] for kind, rank in ranks.items()}
        self._units: list[Unit] = []
        self._named: dict[str, Unit] = {}
        self._of: dict[str, list[Unit]] = {}
        self._sharing: dict[tuple[str, str], int] = {}

    def __getitem__(self, slot: int) -> Unit:
        return self._units[slot]

    def credentials(self) -> list[list[Unit]]:
        """Return the units present, grouped by credential."""
        return list(self._of.values())

    def of(self, credential: str) -> list[Unit]:
        """Return the units of a credential."""
        return self._of.get(credential, [])

    def named(self, unit: str) -> Unit | None:
        """Return the unit of that id, also while its credential is away."""
        return self._named.get(unit)

    def tier_of(self, unit: Unit) -> Tier:
        """Return the tier that a unit serves in."""
        return self._tier_of[unit.credential.kind]

    def able(self, operation: str) -> int:
        """Return the set of the units in use that can do this, resting or not."""
        units = 0
        for tier in self.tiers:
            units |= tier.units.get(operation, 0)
        return units

    def sharing(self, unit: Unit) -> list[Unit]:
        """Return the units that share public quotas with this one, itself included."""
        return [self._units[slot] for slot in slots(self._sharing[unit.shares])] if unit.shares else [unit]

    def reschedule(self, strategy: Callable[[], Strategy]) -> None:
        """Choose by other strategies from now on; each tier goes on where it is."""
        for tier in self.tiers:
            tier.strategy = strategy()
        for unit in self._units:
            if unit.credential.kind in self._tier_of:
                self.tier_of(unit).strategy.enlist(unit.slot, unit.credential.id, unit.id)
        self._ready()
        for tier in self.tiers:
            if tier.last >= 0:
                tier.strategy.start(tier.last)

    def adopt(self, credentials: list[Credential]) -> None:
        """Make these the credentials there are; those known keep their slots."""
        for tier in self.tiers:
            tier.units.clear()
        self._sharing.clear()
        self._of = {}
        for credential in credentials:
            self._enlist(credential)
        self._ready()

    def enlist(self, credential: Credential) -> None:
        """Take in a credential, or what changed about it: its projects, or whether it is in use."""
        self._enlist(credential)
        self._ready()

    def ban_of(self, unit: Unit) -> Ban | None:
        """Return why a unit is out of use, or None."""
        own = unit.credential.disabled
        whole = self.bans.get(unit.credential.id) or (Ban(own) if own else None)
        for ban in (whole, self.bans.get(unit.id)):
            if ban is not None and ban.reason and ban.of in {"", fingerprint(unit.credential)}:
                return ban
        return None

    def _ready(self) -> None:
        for tier in self.tiers:
            tier.strategy.ready()

    def _enlist(self, credential: Credential) -> None:
        for unit in self._of.get(credential.id, ()):
            self._strike(unit)
        units = [self._unit(credential, place) for place in range(max(len(credential.projects), 1))]
        self._of[credential.id] = units
        for unit in units:
            self._place(unit)

    def _unit(self, credential: Credential, place: int) -> Unit:
        name = f"{credential.id}#{place}"
        unit = self._named.get(name)
        if unit is None or not unit.is_of(credential):
            unit = Unit(id=name, slot=len(self._units), credential=credential, place=place)
            self._named[name] = unit
            self._units.append(unit)
            self.loads.enlist(credential.id)
            if credential.kind in self._tier_of:
                self._tier_of[credential.kind].strategy.enlist(unit.slot, credential.id, name)
        unit.credential = credential
        return unit

    def _place(self, unit: Unit) -> None:
        kind, project, bit = unit.credential.kind, unit.project, 1 << unit.slot
        unit.shares = (kind, project) if project not in {"", AUTO} else None
        unit.account = "/".join(unit.shares or (unit.id,))
        if unit.shares:
            self._sharing[unit.shares] = self._sharing.get(unit.shares, 0) | bit
        if kind in self._tier_of and self.ban_of(unit) is None:
            units = self._tier_of[kind].units
            for operation in self._operations[kind]:
                units[operation] = units.get(operation, 0) | bit

    def _strike(self, unit: Unit) -> None:
        bit = 1 << unit.slot
        if unit.shares:
            self._sharing[unit.shares] &= ~bit
        for tier in self.tiers:
            for operation in tier.units:
                tier.units[operation] &= ~bit
