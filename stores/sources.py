"""Credentials from several places as one store: a directory, the environment, the settings."""

from collections.abc import Callable, Sequence

import structlog

from pipeline.errors import StoreError
from pipeline.ports import Credential, CredentialStore
from stores.forms import identity
from stores.memory import MemoryCredentials

log = structlog.get_logger(__name__)


class StaticSource(MemoryCredentials):
    """Credentials given at start, by the environment or the settings: refreshed in memory, changed by nobody."""

    async def add(self, credential: Credential) -> str:
        raise StoreError(f"{credential.id} cannot be kept with the credentials from the environment.")

    async def remove(self, credential_id: str) -> bool:
        if any(each.id == credential_id for each in await self.load()):
            raise StoreError(f"{credential_id} comes from the environment and must be removed there.")
        return False


class Sources:
    """Several stores as one; of a credential that is in several, the first store's counts.

    Shape: what is added goes to the first store.
    """

    def __init__(self, stores: Sequence[CredentialStore]) -> None:
        self._stores = list(stores)
        self._home: dict[str, CredentialStore] = {}

    async def load(self) -> list[Credential]:
        kept: dict[tuple[str, ...], Credential] = {}
        home: dict[str, CredentialStore] = {}
        for store in self._stores:
            for credential in await store.load():
                first = kept.get(identity(credential))
                if first is not None:
                    log.info("credential is there twice", credential=credential.id, same_as=first.id)
                elif home.setdefault(credential.id, store) is not store:
                    log.warning("credential not used: another store has one of that name", credential=credential.id)
                else:
                    kept[identity(credential)] = credential
        self._home = home
        return list(kept.values())

    def home(self, credential_id: str) -> CredentialStore | None:
        """Return the store that keeps a credential."""
        return self._home.get(credential_id)

    async def save(self, credential: Credential) -> None:
        home = self._home.get(credential.id)
        if home is None:
            raise StoreError(f"{credential.id} is in no store.")
        await home.save(credential)

    async def add(self, credential: Credential) -> str:
        known = {each.id: each for each in await self.load()}
        for each in known.values():
            if identity(each) == identity(credential):
                return each.id
        name, number = credential.id, 1
        while credential.id in known:
            number += 1
            credential.id = f"{name}-{number}"
        return await self._stores[0].add(credential)

    async def remove(self, credential_id: str) -> bool:
        for store in self._stores:
            if await store.remove(credential_id):
                return True
        return False

    def watch(self, changed: Callable[[], None]) -> None:
        for store in self._stores:
            store.watch(changed)

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
