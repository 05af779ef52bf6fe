"""Sessions: what a person gets for the panel password, so that the password need not travel again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.ports import Clock, StateStore

KIND = "session"
"""The kind of document a session is kept as, under its token's digest: all workers know it, nobody can read it back."""

PREFIX = "pollux-session-"
"""Tells tokens from passwords: a session that has ended is no guess at the password."""

LIFETIME = 12 * 3600.0


class Sessions:
    """Opens, finds and ends sessions.

    Shape: `mark` binds a token to the present panel password: once that is changed no session holds.
    """

    def __init__(self, state: StateStore, clock: Clock, mark: Callable[[str], str]) -> None:
        self._state = state
        self._clock = clock
        self._mark = mark

    async def open(self) -> tuple[str, float]:
        """Return a new session's token, and when it ends. Errors: StoreError."""
        await self._prune()
        token, expires = PREFIX + secrets.token_urlsafe(32), self._clock.now() + LIFETIME
        self._state.put(KIND, _digest(token), {"expires": expires, "mark": self._mark(token)})
        await self._state.flush()  # the next request may come to another worker
        return token, expires

    async def expiry(self, token: str) -> float:
        """Return when a session ends, 0 where there is none. Errors: StoreError."""
        document = await self._state.get(KIND, _digest(token)) if token.startswith(PREFIX) else None
        if document is None or not hmac.compare_digest(str(document["mark"]), self._mark(token)):
            return 0.0
        expires = float(document["expires"])
        return expires if expires > self._clock.now() else 0.0

    async def end(self, token: str) -> None:
        """End a session, for all workers. Errors: StoreError."""
        self._state.put(KIND, _digest(token), None)
        await self._state.flush()

    async def _prune(self) -> None:
        now = self._clock.now()
        for digest, document in (await self._state.load(KIND)).items():
            if document["expires"] <= now:
                self._state.put(KIND, digest, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
