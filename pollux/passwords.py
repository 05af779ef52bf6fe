"""The API password as a caller's key."""

from __future__ import annotations

import hashlib
import hmac

from pipeline.exchange import Caller


class Passwords:
    """Knows callers by the API password; implements the `Keys` port.

    Why: digests of equal length are compared, so that the time taken says nothing about the password or its length.
    """

    __slots__ = ("_caller", "_digest")

    def __init__(self, api_password: str) -> None:
        self._digest = hashlib.sha256(api_password.encode()).digest()
        self._caller = Caller("password")

    def caller(self, secret: str) -> Caller | None:
        """Return the caller who holds the password."""
        digest = hashlib.sha256(secret.encode()).digest()
        return self._caller if hmac.compare_digest(digest, self._digest) else None
