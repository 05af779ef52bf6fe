"""How many values of one label get series of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

UNKNOWN = "other"
"""Stands for values that never were of use, and so may be anything."""

OVERFLOW = "__overflow__"
"""Stands for values beyond the budget."""


class LabelBudget:
    """Gives the first values of a label series of their own, and all others one together.

    Shape: `names` always have their own; up to `room` more earn theirs. `dropped` is told of each figure that went to
        the overflow.
    """

    def __init__(self, names: Iterable[str], room: int, dropped: Callable[[float], None]) -> None:
        self._labels = {name: name for name in names} | {"": ""}
        self._room = room
        self._dropped = dropped

    def label(self, name: str, *, earned: bool = True) -> str:
        """Return what to count a value under; one that has not earned a series yet does not get one."""
        label = self._labels.get(name)
        if label is not None:
            return label
        if not earned:
            return UNKNOWN
        if not self._room:
            self._dropped(1)
            return OVERFLOW
        self._room -= 1
        self._labels[name] = name
        return name
