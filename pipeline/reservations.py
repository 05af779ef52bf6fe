"""What the ledger grants one request, or why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pipeline.allowance import Allowance
    from pipeline.books import Book


class Reservation:
    """What one request takes from the quotas of its project; it counts as spent until it is settled or refunded."""

    __slots__ = ("book", "parts")

    def __init__(self, book: Book) -> None:
        self.book = book
        self.parts: list[tuple[Allowance, int, bool]] = []

    def add(self, allowance: Allowance, amount: int, of_tokens: bool) -> None:
        """Add what was reserved of one more quota."""
        # From here on it counts, even if this process dies: what upstream has counted is not known any more then.
        allowance.slot.begin(amount)
        self.parts.append((allowance, amount, of_tokens))

    def end(self, requests: int, tokens: int | None = None) -> None:
        """Say what the request has cost; without tokens, those that were reserved. Only the first call counts."""
        parts, self.parts = self.parts, []
        for allowance, amount, of_tokens in parts:
            spent = requests if not of_tokens else amount if tokens is None else tokens
            allowance.end(amount, spent)


class Shortage(Struct, frozen=True):
    """Nothing is granted: the units rest now that share the quota, or else `units` are those with too little for it.

    Units: `until` by the clock's tick.
    """

    units: int = 0
    until: float = 0.0
