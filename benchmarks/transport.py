"""What the hot transport costs, and what each of its shortcuts saves.

Claim: a body read by us instead of h11, a head written by us instead of h11, and one lazy timer instead of
asyncio.wait_for are each worth their lines. Method: one process, one core, CPU time, best of three; the round trip
includes a bare asyncio.Protocol server in the same process. Run: python benchmarks/transport.py
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import h11
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.transport import Http1Transport, request_bytes
from adapters.transport_answer import ASKED
from adapters.transport_body import Chunked
from adapters.transport_head import plain_head
from pipeline.ports import Call, Origin

EVENT = b"data: " + b"x" * 390 + b"\r\n\r\n"
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
EVENTS = 50
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nVary: Origin\r\nServer: made-up\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nX-Frame-Options: SAMEORIGIN\r\n"
)
UNARY = HEAD + b"Content-Length: 600\r\n\r\n" + b"x" * 600
HEADERS = [(b"content-type", b"application/json"), (b"x-goog-api-key", b"test-key-1"), (b"user-agent", b"pollux/0")]


def cpu(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU per run, the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, time.process_time() - began)
    return best / times * 1e6


def chunks_by_us() -> None:
    """Read a stream as the transport does."""
    pieces: list[bytes] = []
    reader = Chunked()
    for _ in range(EVENTS):
        reader.feed(CHUNK, pieces)


def chunks_by_h11() -> None:
    """Read it as httpcore does."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(ASKED)
    parser.receive_data(b"HTTP/1.1 200 OK\r\n" + CHUNKED)
    parser.next_event()
    for _ in range(EVENTS):
        parser.receive_data(CHUNK)
        while isinstance(event := parser.next_event(), h11.Data):
            bytes(event.data)


def request_by_us() -> bytes:
    """Write a request as the transport does."""
    return request_bytes(Call(Origin("https", "h", 443), "/v1/x", HEADERS, b"{}"), b"h")


def request_by_h11() -> bytes:
    """Write it through h11."""
    headers = [(b"host", b"h"), *HEADERS, (b"accept-encoding", b"gzip"), (b"content-length", b"2")]
    request = h11.Request(method=b"POST", target=b"/v1/x", headers=headers)
    return (h11.Connection(h11.CLIENT).send(request) or b"") + b"{}"


def answer_head_by_us() -> list[tuple[bytes, bytes]]:
    """Parse the head of an answer as the transport does."""
    found = plain_head(UNARY)
    assert found is not None
    return found[1]


def answer_head_by_h11() -> list[tuple[bytes, bytes]]:
    """Parse the head of an answer as the transport does where it is not plain."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(ASKED)
    parser.receive_data(UNARY)
    event = parser.next_event()
    assert isinstance(event, h11.Response)
    return list(event.headers)


class Server(asyncio.Protocol):
    """Answers every read at once: with a document, or with a stream of one segment per event."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST /unary"):
            self.transport.write(UNARY)
            return
        self.transport.write(HEAD + CHUNKED)
        self.left = EVENTS
        self.event()

    def event(self) -> None:
        self.left -= 1
        self.transport.write(CHUNK if self.left else CHUNK + b"0\r\n\r\n")
        if self.left:
            asyncio.get_running_loop().call_soon(self.event)


async def round_trips(times: int, target: str) -> float:
    """Microseconds of CPU per call, server included."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    transport = Http1Transport()
    call = Call(Origin("http", "127.0.0.1", server.sockets[0].getsockname()[1]), target, HEADERS, b"{}" * 300)
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        for _ in range(times):
            await (await transport.send(call)).read_all()
        best = min(best, time.process_time() - began)
    await transport.close()
    server.close()
    return best / times * 1e6


async def waits(times: int, wait: Callable[[asyncio.Future[None]], Awaitable[None]]) -> float:
    """Microseconds of CPU per wait for something that comes in the next turn of the loop."""
    loop = asyncio.get_running_loop()
    began = time.process_time()
    for _ in range(times):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await wait(future)
    return (time.process_time() - began) / times * 1e6


async def bare(future: asyncio.Future[None]) -> None:
    """Wait as the transport does."""
    await future


async def timed(future: asyncio.Future[None]) -> None:
    """Wait with a timer of its own."""
    await asyncio.wait_for(future, 120)


def main() -> None:
    """Measure and print."""
    versions = {name: importlib.metadata.version(name) for name in ("h11", "uvloop")}
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}, {versions}\n")
    print("microseconds of CPU")
    print(f"  event of {len(EVENT)} bytes, our reader   {cpu(chunks_by_us, 1000) / EVENTS:8.2f}")
    print(f"  event of {len(EVENT)} bytes, h11          {cpu(chunks_by_h11, 200) / EVENTS:8.2f}")
    print(f"  request head, ours                {cpu(request_by_us, 10_000):8.2f}")
    print(f"  request head, h11                 {cpu(request_by_h11, 5_000):8.2f}")
    print(f"  answer head, ours                 {cpu(answer_head_by_us, 10_000):8.2f}")
    print(f"  answer head, h11                  {cpu(answer_head_by_h11, 5_000):8.2f}")
    for name, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
        print(f"  wait without timer of its own, {name:8} {run(waits(20_000, bare)):5.2f}")
        print(f"  wait by asyncio.wait_for, {name:8}      {run(waits(20_000, timed)):5.2f}")
        print(f"  unary call and its server, {name:8} {run(round_trips(3000, '/unary')):9.1f}")
        print(f"  stream of {EVENTS} and its server, {name:8} {run(round_trips(200, '/stream')):7.1f}")


if __name__ == "__main__":
    main()
