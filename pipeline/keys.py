"""Client API keys: who may call, for what, and how much."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from pipeline.exchange import Caller, Key
from pipeline.following import Following

if TYPE_CHECKING:
    from pipeline.ports import Clock, StateStore

log = structlog.get_logger("pollux.keys")

KIND = "key"
"""The kind of document that a key is kept as; its digest is in it, its secret nowhere."""

PREFIX = "sk-"
_LENGTH = 48
_ALPHABET = string.ascii_letters + string.digits


def account_of(key_id: str, what: str, window: str = "") -> str:
    """Return the name of the account that a limit of a key is counted in; `what` may be empty for all of them."""
    return f"{KIND}/{key_id}/{what}" + (f"/{window}" if window else "")


class KeyRing:
    """All who may call, by the digest of their secret; `pipeline.ports.Keys`.

    Shape: `passwords` are secrets without limits, by the name of their caller.
    Why: a dictionary of digests is looked up in the same time whatever the secret is, and holds nobody's secret.
    """

    def __init__(self, state: StateStore, passwords: Mapping[str, str]) -> None:
        self._state = state
        self._passwords: dict[str, Caller] = {}
        self._callers: dict[str, Caller] = {}
        self.following = Following(state, KIND, self.load)
        self.admit(passwords)

    def admit(self, passwords: Mapping[str, str]) -> None:
        """Let these in, from now on, in place of the passwords there were."""
        keys = {digest: caller for digest, caller in self._callers.items() if digest not in self._passwords}
        self._passwords = {digest_of(secret): Caller(name) for name, secret in passwords.items() if secret}
        self._callers = {**self._passwords, **keys}

    def caller(self, secret: str) -> Caller | None:
        """Return who holds this secret."""
        return self._callers.get(digest_of(secret))

    async def load(self) -> None:
        """Load the keys. Errors: StoreError."""
        found: dict[str, Caller] = {}
        for key_id, document in (await self._state.load(KIND)).items():
            try:
                key = msgspec.convert({**document, "id": key_id}, Key)
                found[str(document["digest"])] = Caller(key.id, key=key)
            except (msgspec.ValidationError, KeyError) as exc:
                # One key that cannot be read must not lock out the others.
                log.warning("key not understood", key=key_id, error=str(exc))
        self._callers = {**self._passwords, **found}


class KeyBook:
    """Makes, changes and revokes keys.

    Shape: `changed` is told of every change, so that this process follows its own.
    """

    def __init__(self, state: StateStore, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._state = state
        self._clock = clock
        self._changed = changed

    def create(self, options: Mapping[str, Any]) -> tuple[str, Key]:
        """Make a key and return its secret, which nobody can be shown again, and the key.

        Shape: `options` are fields of `Key`. Errors: ValueError.
        """
        secret = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        # An id is never given twice: a new key must not inherit what another has used.
        made = {"id": secrets.token_hex(6), "created": self._clock.now(), "mask": masked(secret)}
        key = _checked({**options, **made})
        self._put(key.id, {**_document(key), "digest": digest_of(secret)})
        return secret, key

    async def keys(self) -> list[Key]:
        """Return all keys, the oldest first."""
        documents = await self._state.load(KIND)
        return sorted((_checked({**each, "id": name}) for name, each in documents.items()), key=lambda key: key.created)

    async def find(self, name: str) -> Key | None:
        """Return a key by its id, its mask or its secret."""
        digest = digest_of(name)
        for key_id, document in (await self._state.load(KIND)).items():
            if name in {key_id, document.get("mask")} or document.get("digest") == digest:
                return _checked({**document, "id": key_id})
        return None

    async def update(self, key_id: str, options: Mapping[str, Any]) -> Key | None:
        """Change fields of a key; None when there is none. Errors: ValueError."""
        document = await self._state.get(KIND, key_id)
        if document is None:
            return None
        key = _checked({**document, **options, "id": key_id})
        self._put(key_id, {**document, **_document(key)})
        return key

    async def revoke(self, key_id: str) -> bool:
        """Forget a key and what it has used; False when there is none."""
        if await self._state.get(KIND, key_id) is None:
            return False
        self._put(key_id, None)
        for account in await self._state.accounts(account_of(key_id, "")):
            await self._state.close_account(account)
        return True

    def _put(self, key_id: str, document: dict[str, Any] | None) -> None:
        self._state.put(KIND, key_id, document)
        self._changed()


def digest_of(secret: str) -> str:
    """Return what a secret is known by. A random secret of this length needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def masked(secret: str) -> str:
    """Return as much of a secret as may be shown."""
    return f"{secret[:10]}...{secret[-3:]}"


def may_use(key: Key, model: str) -> bool:
    """Whether a key is good for a model."""
    return not key.models or any(fnmatchcase(model, glob) for glob in key.models)


def _checked(document: Mapping[str, Any]) -> Key:
    try:
        return msgspec.convert(document, Key)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc


def _document(key: Key) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(key).items() if name != "id"}
