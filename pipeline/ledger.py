"""The quota ledger: what each project may still spend of each model, here and in all other workers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from math import inf
from urllib.parse import quote

import msgspec
from msgspec import Struct

from pipeline.allowance import REST
from pipeline.books import Book, Forecast, Tally, window_of
from pipeline.cooldowns import Cooldowns
from pipeline.errors import Quota, QuotaName
from pipeline.exchange import Chunk
from pipeline.holdings import Holdings
from pipeline.ports import Clock, StateStore
from pipeline.reservations import Reservation, Shortage
from pipeline.scheduling import Scheduling
from pipeline.units import Roster, Unit
from pipeline.windows import Windows

KIND, LEARNT = "ledger", "quota"
"""What the state store keeps: accounts by quota, model, project and window, and limits that upstream has named."""

LEARNT_FOR = 86_400.0
"""Seconds for which a limit that upstream named is believed: a project may move to another tier."""

TOKENS_AT_MOST = 65_536
"""A reservation is no larger: what makes a body longer than that is media, which counts far less than its bytes."""

_BYTES_PER_TOKEN = 4
_BEYOND = 1e-3  # so that a rest is never over before its window is
_REMEMBERED = 4096  # books: callers may ask for any number of models
_LONGEST = 160  # bytes of an account's name, without its window

Place = tuple[str, str]
"""An account and a model."""


class LearntLimit(Struct, frozen=True):
    """A limit that upstream has named, as the state store keeps it. Units: `until` in epoch seconds."""

    account: str
    model: str
    limits: dict[QuotaName, int]
    until: float


class Ledger:
    """Grants requests and tokens of quotas; the units of a project that has spent one rest until it resets.

    Shape: all workers together never grant more than a quota allows, as each spends what it has leased from the store;
        a request's real tokens alone may exceed what was estimated for it. While the store is away, each worker grants
        what was left when it was last seen, or all there is where that is not known.
    """

    def __init__(
        self,
        scheduling: Scheduling,
        roster: Roster,
        cooldowns: Cooldowns,
        state: StateStore,
        clock: Clock,
        holdings: Holdings | None,
    ) -> None:
        self._windows = Windows(scheduling.reset_zone)
        self._limits = scheduling.limits
        self._roster = roster
        self._cooldowns = cooldowns
        self._state = state
        self._clock = clock
        self._holdings = holdings
        self._books: dict[Place, Book | None] = {}
        self._learnt: dict[Place, LearntLimit] = {}
        self._lent: dict[str, float] = {}

    def book(self, unit: Unit, model: str) -> Book | None:
        """Return where the requests of this unit for this model are counted; None where no quota is known."""
        if self._holdings is None or not (self._limits or self._learnt):
            return None
        place = unit.account, model
        if place not in self._books:
            if len(self._books) >= _REMEMBERED:
                self._forget()
            book = Book(unit, *place)
            self._books[place] = book if self._fill(book) else None
        return self._books[place]

    def reserve(self, book: Book, unit: Unit, size: int) -> Reservation | None:
        """Grant a request from what this worker has on lease; None when that does not suffice.

        Units: `size` in bytes.
        """
        book.unit = unit
        now = self._clock.now()
        if not book.since <= now < book.turns_at:
            self._fill(book)
        reservation, tokens = Reservation(book), _tokens(size)
        for tally in book.tallies:
            amount = tally.amount(tokens)
            if not tally.allowance.reserve(amount):
                reservation.end(0, 0)
                return None
            reservation.add(tally.allowance, amount, tally.of_tokens)
        return reservation

    async def obtain(self, book: Book, size: int) -> Reservation | Shortage:
        """Grant a request, and lease more for it; when nothing is left, all units rest that share the quota.

        Units: `size` in bytes.
        """
        while True:
            self._turn(book, self._clock.now())
            ends = book.turns_at
            granted = await self._obtain(book, _tokens(size))
            if book.since <= self._clock.now() < ends or isinstance(granted, Shortage):
                return granted
            self.refund(granted)  # it is for a window that has passed meanwhile

    def settle(self, reservation: Reservation, tokens: int) -> None:
        """Put the tokens that were really used in place of those reserved; 0 when upstream did not say."""
        reservation.end(1, tokens or None)

    def refund(self, reservation: Reservation) -> None:
        """Take back a request that upstream did not answer."""
        reservation.end(0, 0)
        if reservation.book.held:
            self._hold_or_release(reservation.book)

    def lent_until(self, model: str) -> float:
        """Return until when units rest only because others have on lease what is left. Units: by the clock's tick."""
        return self._lent.get(model, 0.0)

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

    async def sync(self) -> None:
        """Look what all workers have spent. Errors: StoreError."""
        books = self._open_books()
        if self._holdings is None or not books:
            return
        await self._holdings.look(KIND)
        now = self._clock.now()
        for book in books:
            self._turn(book, now)
            book.note_rates(now)
            self._hold_or_release(book)

    def forecast(self) -> list[Forecast]:
        """Say of every quota in use what is left, and when it will be dry."""
        now, books = self._clock.now(), self._open_books()
        for book in books:
            self._turn(book, now)
        return [book.forecast(tally, now) for book in books for tally in book.tallies]

    async def _obtain(self, book: Book, tokens: int) -> Reservation | Shortage:
        reservation = Reservation(book)
        try:
            for tally in book.tallies:
                allowance, amount = tally.allowance, tally.amount(tokens)
                if not (allowance.reserve(amount) or await allowance.obtain(amount)):
                    reservation.end(0, 0)
                    return self._deny(book, tally, amount)
                reservation.add(allowance, amount, tally.of_tokens)
        except asyncio.CancelledError:
            self.refund(reservation)
            raise
        return reservation

    def _deny(self, book: Book, tally: Tally, amount: int) -> Shortage:
        """Let the units rest for which nothing is left, for long, or nothing that others have not leased, for now."""
        now = self._clock.tick()
        if tally.left <= 0:
            self._hold(book)
        elif tally.left < amount:
            units = sum(1 << unit.slot for unit in self._roster.sharing(book.unit))
            return Shortage(units, now + tally.window.end - self._clock.now())
        else:
            if len(self._lent) >= _REMEMBERED:
                self._lent.clear()
            self._lent[book.model] = now + REST
            self._rest(book, now + REST, f"what is left of {tally.quota} is on lease by other workers")
        return Shortage()

    def _open_books(self) -> list[Book]:
        return [book for book in self._books.values() if book is not None]

    def _limits_of(self, book: Book) -> dict[QuotaName, int]:
        """What the operator says wins over what upstream has said."""
        learnt = self._learnt.get((book.account, book.model))
        configured = next((limit for limit in self._limits if limit.fits(book.unit, book.model)), None)
        return {**(learnt.limits if learnt else {}), **(configured.quotas() if configured else {})}

    def _revise(self, place: Place, unit: Unit | None = None) -> None:
        """Open a book whose limits have changed, or go on with it; what was spent of a quota stays spent."""
        book = self._books.pop(place, None) or (Book(unit, *place) if unit else None)
        if book is None:
            return
        if self._fill(book):
            self._books[place] = book
        if book.held:
            self._hold_or_release(book)

    def _turn(self, book: Book, now: float) -> None:
        """Begin a new window where the last one is over, or never began: clocks are set back too."""
        if not book.since <= now < book.turns_at:
            self._fill(book)

    def _fill(self, book: Book) -> bool:
        """Open a tally of each quota that is limited now; return whether there is any."""
        now, known = self._clock.now(), {tally.quota: tally for tally in book.tallies}
        limits = self._limits_of(book)
        book.tallies = [self._tally(book, quota, limit, known.get(quota), now) for quota, limit in limits.items()]
        kept = {tally.allowance.name for tally in book.tallies}
        for tally in known.values():
            tally.allowance.retired = tally.allowance.name not in kept
        book.since = max((tally.window.start for tally in book.tallies), default=-inf)
        book.turns_at = min((tally.window.end for tally in book.tallies), default=inf)
        book.rated_at = book.rated_at or now
        return bool(kept)

    def _tally(self, book: Book, quota: QuotaName, limit: int, before: Tally | None, now: float) -> Tally:
        assert self._holdings is not None, "there are no books without"
        window = window_of(quota, self._windows, now)
        name = account_of(book.account, book.model, quota, window.name)
        allowance = self._holdings.allowance(name, limit, window, advisory=True)
        if before is not None and before.allowance is allowance:
            return before
        return Tally(quota, quota[0] == "t", window, allowance, rate=before.rate if before else 0.0)

    def _forget(self) -> None:
        for place, book in list(self._books.items()):
            if book is None or not book.is_used:
                del self._books[place]
                for tally in book.tallies if book else ():
                    tally.allowance.retired = True

    def _hold_or_release(self, book: Book) -> None:
        if book.dry:
            self._hold(book)
        elif book.held:
            book.held = False
            for unit in self._roster.sharing(book.unit):
                self._cooldowns.release(unit.slot, book.model)

    def _hold(self, book: Book) -> None:
        book.held = True
        dry = book.dry
        until = max(tally.window.end for tally in dry) - self._clock.now() + self._clock.tick() + _BEYOND
        self._rest(book, until, ", ".join(f"{tally.quota} of {tally.limit} is spent" for tally in dry))

    def _rest(self, book: Book, until: float, reason: str) -> None:
        for unit in self._roster.sharing(book.unit):
            self._cooldowns.hold(unit.slot, book.model, until, reason)


def account_of(account: str, model: str, quota: str, window: str) -> str:
    """Return the name of the account that a quota is counted in."""
    place = f"{quote(model, safe='')}/{quote(account, safe='')}"
    if len(place) > _LONGEST:
        place = sha256(place.encode()).hexdigest()
    return f"{KIND}/{place}/{quota}/{window}"


def _key(account: str, model: str) -> str:
    return f"{quote(model, safe='')} {account}"


def _tokens(size: int) -> int:
    return min(size // _BYTES_PER_TOKEN, TOKENS_AT_MOST)
