"""Stores that forget: for tests, and for whoever wants no files."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from pipeline.exchange import Chunk
from pipeline.ports import Account, Credential
from stores.account import granted, settled, taken
from stores.forms import identity


class MemoryCredentials:
    """Credentials for as long as the process lives."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._credentials = {each.id: each for each in credentials}
        self._watchers: list[Callable[[], None]] = []

    async def load(self) -> list[Credential]:
        return list(self._credentials.values())

    async def save(self, credential: Credential) -> None:
        if credential.id in self._credentials:
            self._credentials[credential.id] = credential

    async def add(self, credential: Credential) -> str:
        for known in self._credentials.values():
            if identity(known) == identity(credential):
                return known.id
        self._credentials[credential.id] = credential
        self._tell()
        return credential.id

    async def remove(self, credential_id: str) -> bool:
        known = self._credentials.pop(credential_id, None)
        if known is not None:
            self._tell()
        return known is not None

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    async def close(self) -> None:
        self._watchers.clear()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()


class MemoryState:
    """State for as long as the process lives; documents are copied on their way in and out, as a file would."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, bytes]] = {}
        self._counters: dict[str, dict[str, Counter[str]]] = {}
        self._accounts: dict[str, Account] = {}
        self._claims: dict[str, tuple[str, float]] = {}

    async def load(self, kind: str) -> dict[str, Chunk]:
        documents = self._documents.get(kind, {})
        return {key: msgspec.json.decode(document) for key, document in documents.items()}

    async def get(self, kind: str, key: str) -> Chunk | None:
        document = self._documents.get(kind, {}).get(key)
        return None if document is None else msgspec.json.decode(document)

    def put(self, kind: str, key: str, document: Chunk | None) -> None:
        documents = self._documents.setdefault(kind, {})
        if document is None:
            documents.pop(key, None)
        else:
            documents[key] = msgspec.json.encode(document)

    def count(self, kind: str, key: str, amounts: Mapping[str, int]) -> None:
        self._counters.setdefault(kind, {}).setdefault(key, Counter()).update(amounts)

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        return {key: dict(amounts) for key, amounts in self._counters.get(kind, {}).items()}

    def discount(self, kind: str, key: str) -> None:
        self._counters.get(kind, {}).pop(key, None)

    async def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        known = self._accounts.get(account, Account())
        grant = granted(known, amount, limit)
        if grant:
            self._accounts[account] = taken(known, holder, grant)
        return grant

    async def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        self._accounts[account] = settled(self._accounts.get(account, Account()), holder, spent, back)

    async def accounts(self, prefix: str) -> dict[str, Account]:
        return {name: account for name, account in self._accounts.items() if name.startswith(prefix)}

    async def close_account(self, account: str) -> None:
        self._accounts.pop(account, None)

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        now = time.monotonic()
        held_by, until = self._claims.get(name, (holder, now))
        if held_by != holder and until > now:
            return False
        self._claims[name] = (holder, now + seconds)
        return True

    def watch(self, kind: str, changed: Callable[[], None]) -> None:
        """No other process can change what is in the memory of this one."""

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass
