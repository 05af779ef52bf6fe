"""Requests that wait because every unit is full: one line for each kind of request, each in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pipeline.ports import Clock

Kind = tuple[str, str]
"""An operation and a model: what serves one request of a kind serves them all."""


class Place(Struct, eq=False):
    """Somebody's place in a line; kept until what it waits for is had, so that nobody who comes later is before."""

    kind: Kind
    called: asyncio.Future[None] | None = None


class Lines:
    """Those who wait. Whoever is first in a line is called to look again; the lines take turns."""

    def __init__(self) -> None:
        self._lines: dict[Kind, deque[Place]] = {}

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._lines

    def join(self, kind: Kind) -> Place:
        """Return a place behind all others of that kind."""
        place, line = Place(kind), self._lines.setdefault(kind, deque())
        line.append(place)
        _call(line)  # a rest may have ended meanwhile, which calls nobody
        return place

    def leave(self, place: Place) -> None:
        """Give a place up; the next of its kind looks whether there is more."""
        line = self._lines.pop(place.kind)
        line.remove(place)
        if line:
            self._lines[place.kind] = line  # behind all others
            _call(line)

    def call(self) -> None:
        """Have the first of each line look: what has become free may serve some kinds and not others."""
        for line in self._lines.values():
            _call(line)

    async def wait(self, place: Place, clock: Clock, seconds: float) -> None:
        """Wait until this place is called, or for so long."""
        called = place.called = asyncio.get_running_loop().create_future()
        late = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait((called, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            called.cancel()


def _call(line: deque[Place]) -> None:
    called = line[0].called
    if called is not None and not called.done():
        called.set_result(None)
