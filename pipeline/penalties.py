"""What a refusal costs the unit that met it, and how that outlives the process."""

from collections.abc import Callable, Iterable
from random import Random, getrandbits

import msgspec
import structlog
from msgspec import Struct

from pipeline.cooldowns import ALL_MODELS, CAPACITY, QUOTA, Cooldown, Cooldowns, Why
from pipeline.errors import Terms, UpstreamError, Verdict
from pipeline.exchange import Chunk
from pipeline.ports import Clock, StateStore
from pipeline.scheduling import Scheduling
from pipeline.units import Ban, Roster, Unit, fingerprint

log = structlog.get_logger(__name__)

Cooled = Callable[[str, str], None]
"""Told of each refusal that made a unit rest: the credential's kind, and the error_type."""

UNSURE = 3600.0
"""How long a credential rests that would be disabled if `auto_ban` were on."""


class Note(Struct, frozen=True):
    """A rest as the state store keeps it.

    Shape: `of` is the fingerprint of the secret it holds for.
    Units: `until` in epoch seconds.
    """

    unit: str
    of: str
    model: str
    until: float
    strikes: int = 1
    why: Why = "cooling"
    reason: str = ""


class Refusal(Struct, frozen=True):
    """What was refused: a call that was granted then (by the clock's tick), and how."""

    unit: Unit
    model: str
    granted: float
    exc: UpstreamError


class Penalties:
    """Rests and bans of all units; the only place where a verdict is carried out."""

    def __init__(
        self, roster: Roster, state: StateStore, clock: Clock, scheduling: Scheduling, cooled: Cooled | None = None
    ) -> None:
        self.cooldowns = Cooldowns(Random(getrandbits(64)))  # tests that seed the shared generator repeat themselves
        self._models: dict[str, Cooldown] = {}
        self._roster = roster
        self._state = state
        self._clock = clock
        self._cooled = cooled
        self._fresh: set[tuple[str, str]] = set()
        self.ban_as(scheduling)

    def ban_as(self, scheduling: Scheduling) -> None:
        """Take units out of use as these settings say, from now on."""
        self._auto_ban = scheduling.auto_ban
        self._ban_codes = scheduling.auto_ban_codes if scheduling.auto_ban else frozenset[int]()

    def judge(self, refusal: Refusal) -> None:
        """Carry out the verdict; a fault of the request or of the way there costs the unit nothing."""
        verdict = refusal.exc.verdict
        if verdict.action in {"give_up", "rotate"} or verdict.scope == "request":
            return
        if verdict.scope == "model":
            self._back_off(refusal, verdict.seconds)
        elif verdict.action == "disable":
            self._ban(refusal)
        elif verdict.action == "refresh":
            self._cool(refusal, self._roster.of(refusal.unit.credential.id), ALL_MODELS, None, "refreshing")
        else:
            self._cool_scope(refusal, verdict)

    def answered(self, unit: Unit, model: str) -> None:
        """Forget the strikes against a unit that has just answered."""
        self._models.pop(model, None)
        for of in self.cooldowns.forgive(unit.slot, model, self._clock.tick()):
            self._note("cooldown", _key(unit, of), None)

    def back_off(self, model: str) -> float:
        """Return how many seconds the model itself is still to be left alone."""
        rest = self._models.get(model)
        return 0.0 if rest is None else rest.until - self._clock.tick()

    def disable(self, name: str, ban: Ban) -> bool:
        """Take a credential, or one unit of it, out of use; False when there is none so named."""
        units = self._units(name)
        if units:
            self._roster.bans[name] = ban
            self._note("disabled", name, ban)
            self._roster.enlist(units[0].credential)
        return bool(units)

    def enable(self, name: str) -> bool:
        """Take a credential, or one unit of it, back into use, rested; False when there is none so named."""
        units = self._units(name)
        for key in (name, *(unit.id for unit in units)):
            if self._roster.bans.pop(key, None):
                self._note("disabled", key, None)
        if not units:
            return False
        if units[0].credential.disabled:
            ban = self._roster.bans[name] = Ban(at=self._clock.now())
            self._note("disabled", name, ban)
        self.lift(units)
        self._roster.enlist(units[0].credential)
        return True

    def lift(self, units: Iterable[Unit], why: Why | None = None) -> None:
        """End the rests of these units, all of them or those that have this cause."""
        for unit in units:
            for model, rest in self.cooldowns.of(unit.slot, self._clock.tick()).items():
                if why in {None, rest.why}:
                    self.cooldowns.lift(unit.slot, model)
                    self._note("cooldown", _key(unit, model), None)

    def look(self) -> None:
        """Learn that the notes are about to be read: what is noted from now on may not be among them."""
        self._fresh.clear()

    def restore_bans(self, documents: dict[str, Chunk]) -> None:
        """Take over the bans that are noted. Errors: msgspec.ValidationError when a note is not one of ours."""
        known, bans = self._roster.bans, msgspec.convert(documents, dict[str, Ban])
        for kind, name in self._fresh:
            if kind == "disabled":
                bans.pop(name, None)
                bans |= {name: known[name]} if name in known else {}
        self._roster.bans = bans
        for name in known.keys() | self._roster.bans.keys():
            units = self._units(name)
            if units and known.get(name) != self._roster.bans.get(name):
                self._roster.enlist(units[0].credential)

    def restore_rests(self, documents: dict[str, Chunk]) -> None:
        """Take over the rests that are noted, end those whose note is gone, and drop the notes of those long over."""
        now, tick = self._clock.now(), self._clock.tick()
        for slot, model in self.cooldowns.owed(tick):
            key = _key(self._roster[slot], model)
            if key not in documents and ("cooldown", key) not in self._fresh:
                self.cooldowns.lift(slot, model)
        for key, note in msgspec.convert(documents, dict[str, Note]).items():
            unit, left = self._roster.named(note.unit), note.until - now
            if left > 0 and unit is not None and note.of == fingerprint(unit.credential):
                rest = Cooldown(tick + left, tick, note.strikes, note.why, note.reason)
                self.cooldowns.restore(unit.slot, note.model, rest)
            elif left < -QUOTA.most:
                self._state.put("cooldown", key, None)

    def _cool_scope(self, refusal: Refusal, verdict: Verdict) -> None:
        unit = refusal.unit
        scopes = {
            "unit_model": ([unit], refusal.model),
            "project_model": (self._roster.sharing(unit), refusal.model),
            "unit": ([unit], ALL_MODELS),
            "credential": (self._roster.of(unit.credential.id), ALL_MODELS),
        }
        units, model = scopes[verdict.scope]
        # Longer than any back-off of ours: upstream has named the end of a quota.
        why: Why = "exhausted" if (verdict.seconds or 0.0) > QUOTA.most else "cooling"
        strikes = self._cool(refusal, units, model, verdict.seconds, why)
        code = (refusal.exc.detail or {}).get("code", refusal.exc.status)
        if strikes > 1 and model == ALL_MODELS and code in self._ban_codes:
            self._ban(refusal)

    def _cool(self, refusal: Refusal, units: list[Unit], model: str, seconds: float | None, why: Why) -> int:
        now, strikes, rests = self._clock.tick(), 0, False
        for unit in units:
            before = self.cooldowns.end(unit.slot, model)
            rest = self.cooldowns.cool(unit.slot, model, now, refusal.granted, seconds)
            strikes = max(strikes, rest.strikes)
            if rest.until > before:
                rests = True
                rest.why, rest.reason = why, _reason(refusal.exc)
                until = self._clock.now() + rest.until - now
                note = Note(unit.id, fingerprint(unit.credential), model, until, rest.strikes, rest.why, rest.reason)
                self._note("cooldown", _key(unit, model), note)
        if rests and self._cooled is not None:
            self._cooled(refusal.unit.credential.kind, refusal.exc.error_type)
        return strikes

    def _ban(self, refusal: Refusal) -> None:
        unit, verdict = refusal.unit, refusal.exc.verdict
        one = verdict.scope.startswith("unit") and len(self._roster.of(unit.credential.id)) > 1
        name, reason = unit.id if one else unit.credential.id, _reason(refusal.exc)
        if self._auto_ban or isinstance(refusal.exc, Terms):
            log.warning("credential disabled", credential=name, kind=unit.credential.kind, reason=reason)
            self.disable(name, Ban(reason, "upstream", self._clock.now(), fingerprint(unit.credential)))
        else:
            self._cool(refusal, self._units(name), ALL_MODELS, UNSURE, "cooling")

    def _back_off(self, refusal: Refusal, seconds: float | None) -> None:
        rest = self._models.setdefault(refusal.model, Cooldown())
        rest.extend(self._clock.tick(), refusal.granted, seconds, CAPACITY, self.cooldowns.jitter())

    def _note(self, kind: str, key: str, note: Note | Ban | None) -> None:
        self._state.put(kind, key, None if note is None else msgspec.to_builtins(note))
        self._fresh.add((kind, key))

    def _units(self, name: str) -> list[Unit]:
        unit = self._roster.named(name)
        one = [unit] if unit is not None and self._roster.of(unit.credential.id) else []
        return self._roster.of(name) or one


def _key(unit: Unit, model: str) -> str:
    return f"{unit.id} {model}"


def _reason(exc: UpstreamError) -> str:
    return exc.verdict.reason or exc.message
