"""Strategy `cache-affine`: requests that begin alike go to the same unit, so that Google's implicit caching pays."""

from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from math import ceil
from struct import Struct
from weakref import WeakKeyDictionary

import msgspec

from pipeline.exchange import Exchange
from pipeline.loads import Loads
from pipeline.rotation import Strategy, first_from

MARGIN = 1.25
"""How far above the average of calls under way a unit may be before its requests go elsewhere."""

LEAST = 2
"""What one unit may always have under way, however little there is to do."""

PLACES = 32_768
"""Places on the ring, of all units together; a unit has at most 128 of them. The more, the more even the shares."""

_PLACES_EACH = 128
_STEPS = 64  # places that are looked at before the unit with the least to do serves
_DIGEST = Struct(">8Q")
_SLOT_BITS = 24


class CacheAffine(Strategy):
    """Serves requests of one prefix from one unit, unless it is busier than most.

    Shape: each prefix has its own order of preference among units, the same in every worker and after a restart; when
        a unit comes or goes, only the requests that prefer it move.
    Source: consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2017): what rendezvous hashing
        promises, at O(log n). Caching is by prefix and project: https://ai.google.dev/gemini-api/docs/caching.
    """

    def __init__(self, loads: Loads) -> None:
        self._loads = loads
        self._units: list[tuple[int, str]] = []
        self._ring: list[int] = []
        self._on_ring = self._each = 0
        self._prefixes: WeakKeyDictionary[Exchange, int] = WeakKeyDictionary()

    def enlist(self, slot: int, credential: str, unit: str) -> None:
        self._units.append((slot, unit))

    def ready(self) -> None:
        """Put new units on the ring: its items are places in order, each with the unit's slot in its last bits."""
        new = self._units[self._on_ring :]
        if not new:
            return
        each = min(PLACES // len(self._units) or 1, _PLACES_EACH)
        # Powers of two, so that a unit more moves nothing but, now and then, halves the places of all.
        each = 1 << each.bit_length() - 1
        if each != self._each:
            self._ring, self._each, new = [], each, self._units
        self._ring += [place << _SLOT_BITS | slot for slot, unit in new for place in _places(unit, each)]
        self._ring.sort()
        self._on_ring = len(self._units)

    def pick(self, free: int, x: Exchange) -> int:
        prefix = self._prefixes.get(x)
        if prefix is None:
            prefix = self._prefixes[x] = prefix_of(x)
        bound = max(ceil(MARGIN * (self._loads.total + 1) / free.bit_count()), LEAST)
        for slot in self._preferred(prefix):
            if free >> slot & 1 and self._loads.of(slot) < bound:
                return slot
        return first_from(self._loads.least(free), prefix % free.bit_length())

    def _preferred(self, prefix: int) -> Iterator[int]:
        ring = self._ring
        start = bisect_left(ring, prefix << _SLOT_BITS)
        for step in range(start, start + min(_STEPS, len(ring))):
            yield ring[step % len(ring)] & (1 << _SLOT_BITS) - 1


def prefix_of(x: Exchange) -> int:
    """Return a number for what stays the same through a conversation: model, system, tools and its first turn."""
    payload = x.payload
    kept = [x.model, payload.get("systemInstruction"), payload.get("tools"), (payload.get("contents") or [None])[:1]]
    return int.from_bytes(blake2b(msgspec.json.encode(kept), digest_size=8).digest(), "big")


def _places(unit: str, number: int) -> list[int]:
    found: list[int] = []
    block = 0
    while len(found) < number:
        found += _DIGEST.unpack(blake2b(f"{block} {unit}".encode()).digest())
        block += 1
    return found[:number]
