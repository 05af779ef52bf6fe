"""The quota ledger: what each project has spent of each model, here and in all other workers."""

from collections.abc import Iterable, Iterator
from secrets import token_hex
from urllib.parse import quote

import msgspec
from msgspec import Struct

from pipeline.books import Book, Forecast, Tally, window_of
from pipeline.cooldowns import Cooldowns
from pipeline.errors import Quota, QuotaName
from pipeline.exchange import Chunk
from pipeline.ports import Clock, StateStore
from pipeline.scheduling import Scheduling
from pipeline.units import Roster, Unit
from pipeline.windows import Windows

KIND, LEARNT = "ledger", "quota"
"""What the state store keeps: counters by window, and limits that upstream has named."""

LEARNT_FOR = 86_400.0
"""Seconds for which a limit that upstream named is believed: a project may move to another tier."""

TOKENS_AT_MOST = 65_536
"""A reservation is no larger: what makes a body longer than that is media, which counts far less than its bytes."""

_BYTES_PER_TOKEN = 4
_BEYOND = 1e-3  # so that a rest is never over before its window is
_KEPT_AFTER_END = 120.0
_REMEMBERED = 4096  # books: callers may ask for any number of models

Place = tuple[str, str]
"""An account and a model."""


class LearntLimit(Struct, frozen=True):
    """A limit that upstream has named, as the state store keeps it. Units: `until` in epoch seconds."""

    account: str
    model: str
    limits: dict[QuotaName, int]
    until: float


class Reservation(Struct, frozen=True):
    """A request that was counted before it was sent. Units: `at` in epoch seconds."""

    book: Book
    tokens: int
    at: float


class Ledger:
    """Counts requests and tokens against quotas; the units of a project that has spent one rest until it resets.

    Shape: workers count together, but hear of each other only at each `merge`: a quota may be overdrawn by what the
        others grant in between. One worker alone never grants more requests than there are, and of tokens at most
        one request's too many.
    """

    def __init__(
        self, scheduling: Scheduling, roster: Roster, cooldowns: Cooldowns, state: StateStore, clock: Clock
    ) -> None:
        self._windows = Windows(scheduling.reset_zone)
        self._limits = scheduling.limits
        self._roster = roster
        self._cooldowns = cooldowns
        self._state = state
        self._clock = clock
        self._holder = token_hex(4)
        self._books: dict[Place, Book | None] = {}
        self._learnt: dict[Place, LearntLimit] = {}
        self._others: dict[str, int] = {}

    def book(self, unit: Unit, model: str) -> Book | None:
        """Return where the requests of this unit for this model are counted; None where no quota is known."""
        if not self._limits and not self._learnt:
            return None
        place = unit.account, model
        if place not in self._books:
            if len(self._books) >= _REMEMBERED:
                self._forget()
            self._books[place] = self._opened(unit, place)
        return self._books[place]

    def reserve(self, book: Book, unit: Unit, size: int) -> Reservation | None:
        """Count a request; None when nothing is left: the unit rests from now on, and all that share the quota.

        Units: `size` in bytes.
        """
        now = self._clock.now()
        book.unit = unit
        if now >= book.turns_at:
            self._turn(book, now)
        if book.is_dry():
            self._hold(book)
            return None
        reservation = Reservation(book, min(size // _BYTES_PER_TOKEN, TOKENS_AT_MOST), now)
        self._spend(reservation, 1, reservation.tokens)
        return reservation

    def settle(self, reservation: Reservation, tokens: int) -> None:
        """Put the tokens that were really used in place of those reserved; 0 when upstream did not say."""
        if tokens:
            self._spend(reservation, 0, tokens - reservation.tokens)

    def refund(self, reservation: Reservation) -> None:
        """Take back a request that upstream did not answer."""
        self._spend(reservation, -1, -reservation.tokens)

    def learn(self, unit: Unit, model: str, quotas: Iterable[Quota]) -> None:
        """Believe the limits that upstream names in a refusal."""
        place, now = (unit.account, model), self._clock.now()
        known = self._learnt.get(place)
        limits = {**(known.limits if known else {}), **{each.name: each.limit for each in quotas if each.limit > 0}}
        if limits and (known is None or known.limits != limits or known.until - now < LEARNT_FOR / 2):
            note = self._learnt[place] = LearntLimit(*place, limits, now + LEARNT_FOR)
            self._state.put(LEARNT, _key(*place), msgspec.to_builtins(note))
            self._revise(place, unit)

    def restore(self, documents: dict[str, Chunk]) -> None:
        """Take over limits that were learnt before, or elsewhere. Errors: msgspec.ValidationError."""
        notes = msgspec.convert(documents, dict[str, LearntLimit])
        for key, note in list(notes.items()):
            if note.until <= self._clock.now():
                self._state.put(LEARNT, key, None)
                del notes[key]
        before, self._learnt = self._learnt, {(note.account, note.model): note for note in notes.values()}
        for place in before.keys() | self._learnt.keys():
            if before.get(place) != self._learnt.get(place):
                self._revise(place)

    def publish(self) -> None:
        """Tell the state store what was spent here since the last time."""
        for tally in self._tallies():
            self._publish(tally)

    async def merge(self) -> None:
        """Exchange with all other workers what was spent. Errors: StoreError."""
        if not self._limits and not self._learnt:
            return
        self.publish()
        others: dict[str, int] = {}
        now = self._clock.now()
        for key, amounts in (await self._state.counts(KIND)).items():
            if float(key.partition(" ")[0]) + _KEPT_AFTER_END < now:
                self._state.discount(KIND, key)
            else:
                others[key] = sum(amount for holder, amount in amounts.items() if holder != self._holder)
        self._others = others
        for tally in self._tallies():
            tally.others = others.get(tally.key, 0)
        for book in filter(None, self._books.values()):
            self._turn(book, now)
            book.note_rates(now)
            self._hold_or_release(book)

    def forecast(self) -> list[Forecast]:
        """Say of every quota in use what is left, and when it will be dry."""
        now = self._clock.now()
        books = list(filter(None, self._books.values()))
        for book in books:
            self._turn(book, now)
        return [book.forecast(tally, now) for book in books for tally in book.tallies]

    def _tallies(self) -> Iterator[Tally]:
        return (tally for book in filter(None, self._books.values()) for tally in book.tallies)

    def _opened(self, unit: Unit, place: Place) -> Book | None:
        limits = self._limits_of(unit, place)
        if not limits:
            return None
        now = self._clock.now()
        tallies = [Tally(quota, limit, window_of(quota, self._windows, now)) for quota, limit in limits.items()]
        book = Book(unit, place[1], tallies, rated_at=now)
        for tally in tallies:
            self._begin(tally, book)
            tally.seen = tally.others
        return book

    def _limits_of(self, unit: Unit, place: Place) -> dict[QuotaName, int]:
        """What the operator says wins over what upstream has said."""
        learnt = self._learnt.get(place)
        configured = next((limit for limit in self._limits if limit.fits(unit, place[1])), None)
        return {**(learnt.limits if learnt else {}), **(configured.quotas() if configured else {})}

    def _revise(self, place: Place, unit: Unit | None = None) -> None:
        """Open a book anew whose limits have changed, with what was spent so far."""
        old = self._books.pop(place, None)
        unit = unit or (old.unit if old else None)
        book = self._books[place] = self._opened(unit, place) if unit else None
        if book is None:
            del self._books[place]
        elif old is not None:
            spent = {tally.quota: tally for tally in old.tallies}
            limits = {tally.quota: tally.limit for tally in book.tallies}
            book.tallies = [spent.get(tally.quota, tally) for tally in book.tallies]
            for tally in book.tallies:
                tally.limit = limits[tally.quota]

    def _forget(self) -> None:
        for place in [place for place, book in self._books.items() if book is None or not _is_used(book)]:
            del self._books[place]

    def _spend(self, reservation: Reservation, requests: int, tokens: int) -> None:
        book = reservation.book
        for tally in book.tallies:
            if tally.window.start <= reservation.at:  # else the quota was reset meanwhile
                tally.mine += tokens if tally.of_tokens else requests
        if book.held or book.is_dry():
            self._hold_or_release(book)

    def _hold_or_release(self, book: Book) -> None:
        if book.is_dry():
            self._hold(book)
        elif book.held:
            book.held = False
            for unit in self._roster.sharing(book.unit):
                self._cooldowns.release(unit.slot, book.model)

    def _hold(self, book: Book) -> None:
        book.held = True
        dry = [tally for tally in book.tallies if tally.spent >= tally.limit]
        until = max(tally.window.end for tally in dry) - self._clock.now() + self._clock.tick() + _BEYOND
        reason = ", ".join(f"{tally.quota} of {tally.limit} is spent" for tally in dry)
        for unit in self._roster.sharing(book.unit):
            self._cooldowns.hold(unit.slot, book.model, until, reason)

    def _turn(self, book: Book, now: float) -> None:
        """Begin a new window where the last one is over."""
        for tally in book.tallies:
            if tally.window.end <= now:
                self._publish(tally)
                tally.window = window_of(tally.quota, self._windows, now)
                self._begin(tally, book)
        book.turns_at = min(tally.window.end for tally in book.tallies)

    def _begin(self, tally: Tally, book: Book) -> None:
        tally.key = f"{tally.window.end:.0f} {tally.quota} {_key(book.unit.account, book.model)}"
        tally.mine = tally.published = tally.seen = 0
        tally.others = self._others.get(tally.key, 0)

    def _publish(self, tally: Tally) -> None:
        if tally.mine != tally.published:
            self._state.count(KIND, tally.key, {self._holder: tally.mine - tally.published})
            tally.published = tally.mine


def _key(account: str, model: str) -> str:
    return f"{quote(model, safe='')} {account}"


def _is_used(book: Book) -> bool:
    return any(tally.mine or tally.others for tally in book.tallies)
