"""One process at a time renews a credential; the others see what came of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from pipeline.errors import StoreError
from stores.directory import DirectoryStore
from stores.shared import SharedCredentials

if TYPE_CHECKING:
    from pipeline.ports import Clock, Credential, StateStore
    from stores.sources import Sources

log = structlog.get_logger(__name__)

_TURN = 10.0
"""Seconds for which a renewal is one process's own; then its token is known everywhere, or it will never be."""
_LOOK = 0.1
"""Seconds between looks at what the process whose turn it is has done."""


class Turns:
    """Who renews a credential, among all workers that keep it in the same place.

    Shape: `credentials` are those known here, kept up with what others save.
    """

    def __init__(
        self, state: StateStore, store: Sources, clock: Clock, credentials: Callable[[], list[Credential]]
    ) -> None:
        self._state = state
        self._store = store
        self._clock = clock
        self._credentials = credentials
        self._holder = uuid4().hex

    @asynccontextmanager
    async def turn(self, credential: Credential) -> AsyncIterator[Credential | None]:
        """Wait for this process's turn: yield the credential as another has renewed it, or None to renew it here.

        Shape: a turn that fails is over at once; one that succeeds lasts until its token is known everywhere.
        """
        name = self._name(credential)
        if not name:
            yield None  # from the environment: what others renew is never seen here
            return
        renewed = await self._wait(name, credential)
        try:
            yield renewed
        except BaseException:
            with suppress(StoreError):
                await self._state.claim(name, self._holder, 0)
            raise

    async def _wait(self, name: str, credential: Credential) -> Credential | None:
        try:
            while not await self._state.claim(name, self._holder, _TURN):
                await asyncio.sleep(_LOOK)
                if (renewed := self._renewed(credential)) is not None:
                    return renewed
        except StoreError as exc:
            log.warning("renewed without asking whether others do", credential=credential.id, error=exc.message)
        return self._renewed(credential)

    def _renewed(self, credential: Credential) -> Credential | None:
        known = next((each for each in self._credentials() if each.id == credential.id), credential)
        fresh = known.access_token != credential.access_token and known.expires_at > self._clock.now()
        return known if fresh else None

    def _name(self, credential: Credential) -> str:
        """Name the turn by where the credential is kept; empty where nobody else sees what is saved."""
        home = self._store.home(credential.id)
        if isinstance(home, SharedCredentials):
            return f"refresh:{credential.id}"
        if isinstance(home, DirectoryStore):
            place = sha256(f"{socket.gethostname()}:{home.path.resolve()}".encode()).hexdigest()[:16]
            return f"refresh:{place}:{credential.id}"
        return ""
