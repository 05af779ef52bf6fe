"""Tries credentials with one cheap call each, apart from all scheduling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange, Request
from pipeline.ports import Credential
from pollux.wiring import House

if TYPE_CHECKING:
    from pollux.config import Loaded

MODEL = "gemini-3.5-flash-lite"
"""Counting tokens costs no quota; the model is one that every surface has."""

_PAYLOAD: Chunk = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


class Verified(Struct, frozen=True):
    """What Google said to one credential; `error` is empty when it is good."""

    id: str
    kind: str
    error: str = ""


class _Trial:
    """A lease outside the pool: what happens to it has no consequences."""

    failure: UpstreamError | None = None

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.project = next(iter(credential.projects), "")
        self.model = MODEL

    def fail(self, exc: UpstreamError) -> None:
        """Nothing follows."""

    async def close(self, outcome: BaseException | None) -> None:
        """Nothing to give back."""


async def verify(loaded: Loaded) -> AsyncIterator[Verified]:
    """Yield what Google says to each credential, disabled ones too. Errors: StoreError."""
    house = await House.open(loaded)
    try:
        for credential in house.pool.credentials():
            yield Verified(credential.id, credential.kind, await check(house, credential))
    finally:
        await house.close()


async def check(house: House, credential: Credential) -> str:
    """Return what is wrong with a credential, as Google says; empty when nothing is."""
    upstream = house.upstreams[credential.kind]
    dialect = house.dialects.gemini
    x = Exchange("verify", Request("POST", "/", []), dialect, 0.0, model=MODEL, operation="count_tokens")
    try:
        call = await upstream.call(_Trial(credential), x, _PAYLOAD, stream=False)
        answer = await house.transport.send(call)
        try:
            body = await answer.read_all()
        finally:
            answer.close()
        if answer.status != 200:
            raise upstream.refusal(answer.status, answer.headers, body)
    except UpstreamError as exc:
        return f"{exc.message} ({exc.verdict.reason})" if exc.verdict.reason else exc.message
    return ""
