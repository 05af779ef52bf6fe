"""What a database does for the state store; everything that all of them need besides is in write_behind."""

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct, field

from pipeline.ports import Account

Place = tuple[str, str]
"""A kind and a key."""


class Batch(Struct):
    """What is written at once.

    Shape: `number` counts a writer's batches; of a key, `discounts` come before `counts`; a document of None is
        removed.
    """

    number: int = 0
    documents: dict[Place, bytes | None] = field(default_factory=dict)
    discounts: set[Place] = field(default_factory=set)
    counts: dict[Place, dict[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.documents) + len(self.discounts | self.counts.keys())

    def kinds(self) -> list[str]:
        """Return the kinds whose documents change, each once."""
        return sorted({kind for kind, _ in self.documents})


class Backend(Protocol):
    """One database, connected.

    Shape: `op` names one call, so that it can be repeated when its answer was lost; a repetition changes nothing.
    Errors: StoreError from whatever is awaited.
    """

    name: str

    async def load(self, kind: str) -> dict[str, bytes]:
        """Return all documents of a kind by key."""

    async def get(self, kind: str, key: str) -> bytes | None:
        """Return one document."""

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        """Return the counters of a kind by key."""

    async def write(self, batch: Batch) -> None:
        """Make a batch durable; the same number again changes nothing."""

    async def take(self, op: str, account: str, holder: str, amount: int, limit: int) -> int:
        """Lease up to that many of what is left of an account."""

    async def settle(self, op: str, account: str, holder: str, spent: int, back: int) -> None:
        """Turn leased into spent, and give back what was not used."""

    async def accounts(self, prefix: str) -> dict[str, Account]:
        """Return the accounts whose names begin so."""

    async def close_account(self, account: str) -> None:
        """Forget an account."""

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        """Be the only one to do something for that long."""

    def changes(self) -> AsyncGenerator[set[str], None]:
        """Yield kinds whose documents others changed; nothing at once, when it begins to listen."""

    async def close(self) -> None:
        """Let go."""


def moved(seen: dict[str, dict[str, int]], now: dict[str, dict[str, int]]) -> set[str]:
    """Return the kinds that a poll found changed. Shape: a number by kind and writer, which each write changes."""
    return {kind for kind, writers in now.items() if writers.items() - seen.get(kind, {}).items()}
