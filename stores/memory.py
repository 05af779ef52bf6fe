"""Stores that forget: for tests, and for whoever wants no files."""

from collections.abc import Callable, Iterable

import msgspec

from pipeline.exchange import Chunk
from pipeline.ports import Credential
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

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass
