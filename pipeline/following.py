"""Keeps what is in memory up with documents that any process may change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from pipeline.ports import StateStore

log = structlog.get_logger("pollux.following")

_AGAIN = 1.0
"""Seconds until documents that could not be read are read again."""


class Following:
    """Loads documents of one kind again whenever they change; what was loaded last serves in the meantime."""

    def __init__(self, state: StateStore, kind: str, load: Callable[[], Awaitable[None]]) -> None:
        self._state = state
        self._kind = kind
        self._load = load
        self._loading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load for the first time, and begin to follow. Errors: StoreError."""
        self._state.watch(self._kind, self.changed)
        await self._load()

    def changed(self) -> None:
        """Load again, soon; also for changes made in this process, of which no store tells."""
        self.close()  # what is being read may be older than this change
        self._loading = asyncio.get_running_loop().create_task(self._follow())

    def close(self) -> None:
        """Stop loading."""
        if self._loading is not None:
            self._loading.cancel()

    async def _follow(self) -> None:
        while True:
            try:
                return await self._load()
            except StoreError as exc:
                log.warning("not loaded, trying again", kind=self._kind, error=exc.message)
                await asyncio.sleep(_AGAIN)
