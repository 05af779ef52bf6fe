"""Keeps the signatures of function calls for callers that drop what they do not know."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from pipeline.ports import Clock, StateStore

KIND = "signature"
_LARGEST = 64 * 1024
"""A longer signature is not kept: its caller falls back to the documented bypass."""


class Kept(Struct, frozen=True):
    """A signature, and what it was given for: it is good for nothing else."""

    signature: str
    model: str
    function: str


MAX_AGE = 14 * 86400.0
"""Seconds after which nobody comes back for a signature."""


class Vault:
    """Signatures by the id of their function call; the latest are in memory, all of them in the state store.

    Shape: `room` bounds both. What another worker kept is asked of the store, which happens only when a conversation
        moves between workers and its client has dropped the signature.
    """

    def __init__(self, state: StateStore, clock: Clock, room: int = 20_000) -> None:
        self._state = state
        self._clock = clock
        self._room = room
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, call_id: str, kept: Kept) -> None:
        """Keep a signature; the oldest makes room."""
        if len(kept.signature) > _LARGEST or call_id in self._kept:
            return
        self._kept[call_id] = kept
        self._state.put(KIND, call_id, {**asdict(kept), "at": self._clock.now()})
        while len(self._kept) > self._room:
            oldest, _ = self._kept.popitem(last=False)
            self._state.put(KIND, oldest, None)

    async def prune(self) -> int:
        """Forget what is too old to be asked for again, whoever kept it; return how many that were."""
        oldest = self._clock.now() - MAX_AGE
        outdated = [call_id for call_id, document in (await self._state.load(KIND)).items() if document["at"] < oldest]
        for call_id in outdated:
            self._state.put(KIND, call_id, None)
        return len(outdated)

    async def find(self, call_id: str) -> Kept | None:
        """Return what was kept for a call, by this worker or another."""
        kept = self._kept.get(call_id)
        if kept is None:
            document = await self._state.get(KIND, call_id)
            if document is None:
                return None
            kept = self._kept[call_id] = Kept(document["signature"], document["model"], document["function"])
        return kept
