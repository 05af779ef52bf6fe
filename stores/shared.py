"""Credentials in a state store, where all machines that share it see them."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog

from pipeline.errors import StoreError
from pipeline.exchange import Chunk
from pipeline.ports import Credential, StateStore
from stores.documents import FormError, identity, read_document, to_document
from stores.sealing import Damaged, Sealer

log = structlog.get_logger(__name__)

KIND = "credential"
_REST = 10
"""How many times as long as a load took no other is asked for: ten thousand tokens are renewed 3 times a second."""


class SharedCredentials:
    """Credentials as documents of a state store, which belongs to whoever made it."""

    def __init__(self, state: StateStore, sealer: Sealer | None = None) -> None:
        self._state = state
        self._sealer = sealer or Sealer(())
        self._known: dict[str, tuple[Chunk, Credential]] = {}
        self._watchers: list[Callable[[], None]] = []
        self._rest_until = 0.0
        self._telling: asyncio.TimerHandle | None = None

    async def load(self) -> list[Credential]:
        began = time.monotonic()
        known, self._known = self._known, {}
        for name, document in sorted((await self._state.load(KIND)).items()):
            before = known.get(name)
            if before is not None and before[0] == document:
                self._known[name] = before
                continue
            try:
                self._known[name] = document, self._read(name, document)
            except (FormError, Damaged) as exc:
                log.warning("not a credential", entry=name, reason=str(exc))
        ended = time.monotonic()
        self._rest_until = ended + _REST * (ended - began)
        return [credential for _, credential in self._known.values()]

    async def save(self, credential: Credential) -> None:
        document = await self._state.get(KIND, credential.id)
        if document is None:
            raise StoreError(f"{credential.id} is not in the shared store.")
        try:
            before = self._opened(document)
            if identity(read_document(before)) != identity(credential):
                raise StoreError(f"{credential.id} is now another credential in the shared store.")
            after = to_document(credential, before)
        except (FormError, Damaged) as exc:
            raise StoreError(f"{credential.id} is left as it is in the shared store: {exc}") from exc
        if after != before:
            known = self._known.get(credential.id)
            credential.extra = to_document(credential)  # without what others changed, which it does not know of
            self._put(credential.id, after, credential)
            if known is not None and (known[0] != document or known[1] is not credential):
                del self._known[credential.id]  # somebody changed it meanwhile, and it is to be read anew
                self._heard()

    async def add(self, credential: Credential) -> str:
        known = {identity(each): each.id for each in await self.load()}
        name = known.get(identity(credential))
        if name is not None:
            return name
        name, number = credential.id, 1
        while await self._state.get(KIND, name) is not None:
            number += 1
            name = f"{credential.id}-{number}"
        document = to_document(credential)
        self._put(name, document, msgspec.structs.replace(credential, id=name, extra=document))
        await self._state.flush()
        self._tell()
        return name

    async def remove(self, credential_id: str) -> bool:
        if await self._state.get(KIND, credential_id) is None:
            return False
        self._state.put(KIND, credential_id, None)
        await self._state.flush()
        self._tell()
        return True

    async def reseal(self) -> int:
        """Encrypt every credential with the present key; return how many were not yet."""
        await self.load()
        resealed = 0
        for name, (document, credential) in list(self._known.items()):
            if not self._sealer.is_current(msgspec.json.encode(document)):
                self._put(name, self._opened(document), credential)
                resealed += 1
        await self._state.flush()
        return resealed

    def watch(self, changed: Callable[[], None]) -> None:
        if not self._watchers:
            self._state.watch(KIND, self._heard)
        self._watchers.append(changed)

    async def close(self) -> None:
        self._watchers.clear()
        if self._telling is not None:
            self._telling.cancel()

    def _heard(self) -> None:
        if self._telling is None:
            rest = max(0.0, self._rest_until - time.monotonic())
            self._telling = asyncio.get_running_loop().call_later(rest, self._tell)

    def _tell(self) -> None:
        self._telling = None
        for changed in self._watchers:
            changed()

    def _put(self, name: str, document: Chunk, credential: Credential) -> None:
        sealed: Chunk = msgspec.json.decode(self._sealer.seal(msgspec.json.encode(document)))
        self._known[name] = sealed, credential
        self._state.put(KIND, name, sealed)

    def _read(self, name: str, document: Chunk) -> Credential:
        credential = read_document(self._opened(document))
        credential.id = name
        return credential

    def _opened(self, document: Chunk) -> Chunk:
        try:
            opened: Chunk = msgspec.json.decode(self._sealer.open(msgspec.json.encode(document)), type=Chunk)
        except msgspec.MsgspecError as exc:
            raise Damaged("it is no JSON object") from exc
        return opened
