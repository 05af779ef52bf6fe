"""The client API keys of a configuration, for commands that look after them without serving."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from adapters.clock import SystemClock
from pipeline.keys import KeyBook, account_of
from pipeline.windows import Windows
from pollux import storage

if TYPE_CHECKING:
    from pipeline.exchange import Key
    from pipeline.ports import StateStore
    from pollux.config import Loaded


class ClientKeys(Struct):
    """The keys, and how much of each is used."""

    book: KeyBook
    state: StateStore
    windows: Windows

    async def used(self, key: Key) -> dict[str, int]:
        """Return how much of the total and of today's quota is spent or reserved. Errors: StoreError."""
        accounts = await self.state.accounts(account_of(key.id, ""))
        names = {
            "total": account_of(key.id, "total"),
            "today": account_of(key.id, "day", self.windows.day(time.time()).name),
        }
        found = {what: accounts.get(name) for what, name in names.items()}
        return {what: account.spent if account else 0 for what, account in found.items()}

    async def shown(self, key: Key) -> dict[str, Any]:
        """Return a key with what it has used, as people read it. Errors: StoreError."""
        used = await self.used(key)
        document = msgspec.to_builtins(key)
        return {
            **document,
            "created": _moment(key.created),
            "expires": _moment(key.expires),
            "used_total": used["total"],
            "used_today": used["today"],
        }


@asynccontextmanager
async def opened(loaded: Loaded) -> AsyncIterator[ClientKeys]:
    """Open the keys; what was changed is durable at the end. Errors: StoreError."""
    state = await storage.opened(loaded.settings.storage)
    try:
        windows = Windows(loaded.settings.scheduling.reset_zone)
        yield ClientKeys(KeyBook(state, SystemClock()), state, windows)
    finally:
        await state.close()


def _moment(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
