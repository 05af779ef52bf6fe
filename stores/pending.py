"""What waits to be written: of a document the latest, of counters the sum."""

from collections.abc import Iterator, Mapping
from itertools import islice

import structlog

from stores.backend import Batch

log = structlog.get_logger(__name__)

_AT_ONCE = 5_000
"""Keys in one batch, so that no database is busy with one of ours for long."""
_PER_KEY = 256
"""Bytes that a key costs besides its document, about."""
_LONGEST = 800
"""Bytes of a name that every database takes: an index of PostgreSQL holds 2,704 of kind, key and counter together."""
_LARGEST = 8 * 1024 * 1024
"""Bytes of a document that every database takes: MongoDB's limit is 16 MiB."""


class Pending:
    """Writes that wait, bounded by their keys; what no database could take is refused, so that it blocks nothing.

    Units: `room` in bytes.
    """

    def __init__(self, room: int) -> None:
        self.dropped = 0
        self._room = room
        self._used = 0
        self._number = 0
        self._next = Batch()
        self._begun: Batch | None = None

    def __len__(self) -> int:
        return len(self._next) + (len(self._begun) if self._begun else 0)

    def find(self, kind: str, key: str) -> tuple[bool, bytes | None]:
        """Return whether a document waits, and the document."""
        for batch in (self._next, self._begun):
            if batch is not None and (kind, key) in batch.documents:
                return True, batch.documents[kind, key]
        return False, None

    def put(self, kind: str, key: str, document: bytes | None) -> None:
        """Keep a document to be written, or removed."""
        documents = self._next.documents
        size, replaced = len(document or b""), len(documents.get((kind, key)) or b"")
        growth = size - replaced + (0 if (kind, key) in documents else _PER_KEY)
        if self._takes(growth if size <= _LARGEST else self._room + 1, kind, key):
            documents[kind, key] = document

    def count(self, kind: str, key: str, amounts: Mapping[str, int]) -> None:
        """Keep amounts to be added."""
        known = self._next.counts.get((kind, key), {})
        new = amounts.keys() - known.keys()
        if self._takes(_PER_KEY * len(new), kind, key, *new):
            for name, amount in amounts.items():
                known[name] = known.get(name, 0) + amount
            self._next.counts[kind, key] = known

    def discount(self, kind: str, key: str) -> None:
        """Keep that the counters of a key are to be forgotten."""
        forgotten = self._next.counts.get((kind, key), {})
        new = (kind, key) not in self._next.discounts
        if self._takes(_PER_KEY * (new - len(forgotten)), kind, key):
            self._next.counts.pop((kind, key), None)
            self._next.discounts.add((kind, key))

    def batches(self) -> Iterator[Batch]:
        """Yield what waits. A batch is written when the next is asked for; else it comes again, unchanged.

        Shape: what is put meanwhile waits for another time, as a busy proxy would never be done.
        """
        waiting = len(self)
        while waiting > 0:
            if self._begun is None:
                self._begun = self._begin()
            waiting -= len(self._begun)
            yield self._begun
            self._used -= _cost(self._begun)
            self._begun = None

    def _begin(self) -> Batch:
        """Split off the next batch: all of a key, so that its order is kept."""
        self._number += 1
        waiting = self._next
        if len(waiting) <= _AT_ONCE:
            batch, self._next = waiting, Batch()
        else:
            places = dict.fromkeys([*waiting.discounts, *waiting.counts, *waiting.documents])
            first = set(islice(places, _AT_ONCE))
            batch = Batch()
            batch.documents = {place: waiting.documents.pop(place) for place in first & waiting.documents.keys()}
            batch.counts = {place: waiting.counts.pop(place) for place in first & waiting.counts.keys()}
            batch.discounts = first & waiting.discounts
            waiting.discounts -= first
        batch.number = self._number
        return batch

    def _takes(self, growth: int, *names: str) -> bool:
        """Whether there is room, and every database could hold the names."""
        fits = self._used + growth <= self._room or growth <= 0
        if fits and all(map(_storable, names)):
            self._used += growth
            return True
        if not self.dropped:
            log.error("state refused: too much waits, or its name is unfit", kind=names[0], waiting=len(self))
        self.dropped += 1
        return False


def _storable(name: str) -> bool:
    try:
        return len(name.encode()) <= _LONGEST and "\0" not in name
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
        return False


def _cost(batch: Batch) -> int:
    names = len(batch.documents) + len(batch.discounts) + sum(map(len, batch.counts.values()))
    return _PER_KEY * names + sum(len(document or b"") for document in batch.documents.values())
