"""An upstream with nothing around it: a lease, a clock that stands still, and the simulated Google to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from msgspec import Struct

from adapters.endpoints import Endpoints
from adapters.transport import Http1Transport
from adapters.upstreams.agent import UserAgent
from pipeline.errors import UpstreamError
from pipeline.exchange import Chunk, Exchange, Request
from pipeline.ports import Answer, Call, Credential, Upstream

NOW = 1_795_180_000.0  # 2026-11-20 16:26:40 UTC
AGENT = UserAgent("0.1.0")


class StillClock:
    """Time that moves when somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return NOW + self.passed

    def tick(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


class Loan(Struct):
    """A lease of nobody's pool."""

    credential: Credential
    project: str = ""
    model: str = ""
    failure: UpstreamError | None = None

    def fail(self, exc: UpstreamError) -> None: ...

    async def close(self, outcome: BaseException | None) -> None: ...


class ReadyTokens:
    """Tokens that are good already."""

    async def token(self, credential: Credential) -> str:
        return credential.access_token

    async def renew(self, credential: Credential) -> bool:
        return bool(credential.refresh_token)


def everything_at(url: str) -> Endpoints:
    """Google, wholly at one address."""
    return Endpoints(*[url] * len(Endpoints.__struct_fields__))


@asynccontextmanager
async def answering(bodies: Iterable[Any]) -> AsyncIterator[str]:
    """A server that says these JSON bodies, one per connection, and nothing else."""
    left = iter(bodies)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = orjson.dumps(next(left))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def exchange(model: str, operation: str = "generate") -> Exchange:
    request = Request(method="POST", path="/", headers=[])
    return Exchange(
        id="req-1",
        request=request,
        dialect=None,  # type: ignore[arg-type]  # no upstream asks for it
        started=0.0,
        model=model,
        operation=operation,
    )


def said(text: str) -> Chunk:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


async def call(
    upstream: Upstream, loan: Loan, model: str, payload: Chunk, operation: str = "generate", stream: bool = False
) -> Call:
    return await upstream.call(loan, exchange(model, operation), payload, stream)


async def ask(
    upstream: Upstream, loan: Loan, model: str, payload: Chunk, operation: str = "generate", stream: bool = False
) -> list[Chunk]:
    """What the `upstream` stage does, once: the chunks of the answer, or the error."""
    sent = await call(upstream, loan, model, payload, operation, stream)
    transport = Http1Transport()
    try:
        answer = await transport.send(sent)
        if answer.status != 200:
            raise upstream.refusal(answer.status, answer.headers, await answer.read_all())
        return await _decoded(upstream, answer, stream)
    finally:
        await transport.close()


async def _decoded(upstream: Upstream, answer: Answer, stream: bool) -> list[Chunk]:
    decode = upstream.decoder(stream)
    chunks: list[Chunk] = []
    try:
        while True:
            data = await answer.read()
            chunks += decode(data)
            if not data:
                return chunks
    finally:
        answer.close()


def text_of(chunks: list[Chunk]) -> str:
    parts = [part for chunk in chunks for part in chunk["candidates"][0].get("content", {}).get("parts", ())]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def body_of(sent: Call) -> Any:
    return orjson.loads(sent.body)
