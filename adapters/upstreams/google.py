"""What Google's upstreams have in common: how answers are read and errors judged, and how a key is sent."""

from __future__ import annotations

from typing import Final

import orjson

from adapters.endpoints import split_base
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.decoder import decoder
from adapters.upstreams.targets import METHODS, Targets, bare
from adapters.upstreams.verdicts import TABLE, Table, classify
from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange, Headers
from pipeline.ports import Call, Clock, Decoder, Lease

JSON: Final = (b"content-type", b"application/json")


class GoogleUpstream:
    """One of Google's APIs."""

    name: str
    operations: frozenset[str] = frozenset(METHODS)

    def __init__(self, agent: UserAgent, clock: Clock, table: Table = TABLE) -> None:
        self._agent = agent
        self._clock = clock
        self._table = table

    @staticmethod
    def unwrap(chunk: Chunk) -> Chunk:
        """Return a chunk of this API's in the hub's form, which is what most of them send."""
        return chunk

    def decoder(self, stream: bool) -> Decoder:
        """Return what reads one answer."""
        return decoder(stream, self.name, self._clock, self.unwrap, self._table)

    def refusal(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Translate an error answer."""
        return classify(status, headers, body, self._clock.now(), self.name, self._table)


class KeyUpstream(GoogleUpstream):
    """An API that takes keys, in a header only.

    Source: a key in the query together with one in a header is refused with 400, and ends up in logs.
    """

    transparent = True

    def __init__(self, agent: UserAgent, clock: Clock, base: str, table: Table = TABLE) -> None:
        super().__init__(agent, clock, table)
        self._origin, self._base = split_base(base)
        self._targets = Targets(self._target)

    async def call(self, lease: Lease, x: Exchange, payload: Chunk, stream: bool) -> Call:
        """Build the request."""
        model = bare(x.model)
        headers = [
            JSON,
            (b"x-goog-api-key", lease.credential.api_key.encode()),
            (b"user-agent", self._agent(model)),
        ]
        body = orjson.dumps(self._rewritten(payload, model, x.operation))
        return Call(self._origin, self._targets.of(model, x.operation, stream), headers, body, stream=stream)

    async def refresh(self, lease: Lease) -> bool:
        """Return False: a key has nothing to refresh."""
        del lease
        return False

    def _target(self, place: str, model: str, operation: str, stream: bool) -> str:
        raise NotImplementedError

    def _rewritten(self, payload: Chunk, model: str, operation: str) -> Chunk:
        raise NotImplementedError
