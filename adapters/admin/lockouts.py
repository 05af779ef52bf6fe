"""Lockouts: whoever guesses at the panel password has to wait, each time for longer."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ports import Clock, StateStore

KIND = "lockout"
ALLOWED = 20
"""Wrong passwords before an address is locked out."""

_FIRST, _LONGEST = 60.0, 24 * 3600.0
_FORGOTTEN = 24 * 3600.0
"""After so many seconds without a wrong password an address is no longer suspected."""


class Lockouts:
    """Counts wrong passwords by address, together with all other workers.

    Shape: `locked_out` is told of each lockout. An IPv6 address counts as its /64, which is one customer's.
    """

    def __init__(self, state: StateStore, clock: Clock, locked_out: Callable[[], None]) -> None:
        self._state = state
        self._clock = clock
        self._locked_out = locked_out
        self._pruned = clock.now()

    async def wait(self, address: str) -> float:
        """Return for how many seconds an address is locked out; 0 for not at all. Errors: StoreError."""
        key = _network(address)
        document = await self._state.get(KIND, key)
        if document is None:
            return 0.0
        until = float(document["last"]) + _penalty(await self._counted(key))
        return max(0.0, until - self._clock.now())

    async def wrong(self, address: str) -> None:
        """Count a wrong password. Errors: StoreError."""
        key, now = _network(address), self._clock.now()
        await self._prune(now)
        self._state.count(KIND, key, {"wrong": 1})
        self._state.put(KIND, key, {"last": now})
        if _penalty(await self._counted(key)):
            self._locked_out()

    async def right(self, address: str) -> None:
        """Forgive an address that knew the password. Errors: StoreError."""
        key = _network(address)
        if await self._state.get(KIND, key) is not None:
            self._forget(key)

    async def _prune(self, now: float) -> None:
        if now - self._pruned < _FORGOTTEN / 24:
            return
        self._pruned = now
        for key, document in (await self._state.load(KIND)).items():
            if document["last"] + _FORGOTTEN < now:
                self._forget(key)

    async def _counted(self, key: str) -> int:
        return (await self._state.counts(KIND)).get(key, {}).get("wrong", 0)

    def _forget(self, key: str) -> None:
        self._state.put(KIND, key, None)
        self._state.discount(KIND, key)


def _penalty(wrong: int) -> float:
    return min(_FIRST * 2.0 ** min(wrong - ALLOWED, 20), _LONGEST) if wrong >= ALLOWED else 0.0


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
