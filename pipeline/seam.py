"""Joins a continued text to what was said before it, so that nothing stands there twice."""

from __future__ import annotations

LONGEST = 4000
"""Characters at the seam that are compared: a model asked to go on may begin its paragraph again, or all of it."""

SHORTEST = 6
"""A shorter repetition is taken for the text's own: `ha` after `ha` is laughter, not an overlap."""


class Seam:
    """Takes the pieces of a continuation and gives back what is new in them.

    Shape: holds back the beginning until it is clear whether it repeats the end of `said`; `flush` gives what is held.
        `repeated` is then how much was.
        However the continuation is cut into pieces, together they give the same.
    """

    __slots__ = ("_held", "_joined", "_tail", "repeated")

    def __init__(self, said: str) -> None:
        self.repeated = 0
        self._tail = said[-LONGEST:]
        self._held = ""
        self._joined = not self._tail

    def feed(self, text: str) -> str:
        """Return the part of the text that may go out now."""
        if self._joined:
            return text
        self._held += text
        if len(self._held) < len(self._tail) and self._held in self._tail:
            # It could be the inside of a repetition that goes on to the end of the tail.
            return ""
        return self.flush()

    def flush(self) -> str:
        """Return what was held back, without what it repeats."""
        held, self._held = self._held, ""
        if self._joined:
            return held
        self._joined = True
        self.repeated = overlap(self._tail, held)
        return held[self.repeated :]


def overlap(said: str, new: str) -> int:
    """Return how many characters at the start of `new` repeat the end of `said`."""
    for length in range(min(len(said), len(new)), SHORTEST - 1, -1):
        if said.endswith(new[:length]):
            return length
    return 0
