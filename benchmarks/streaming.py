"""Claim: a streamed event, decoded, translated and encoded, costs a small multiple of nginx passing its bytes on."""

from __future__ import annotations

import asyncio
import random
import sys
from statistics import median
from typing import cast

import uvloop
from _bench import (
    PATH_OPENAI,
    PATH_STREAM,
    Report,
    Running,
    at_most,
    canned,
    chat,
    contents,
    hello,
    http,
    nginx,
    pollux,
)

STREAMS = 200
EVENTS = 50
CADENCE = 0.010
SPREAD = 0.5
"""Seconds over which clients start.

Why: in lockstep all events of a beat come at once, and whoever is fast sends them to readers that are still awake.
Waking a reader costs 5 to 15 us here, more than nginx's own work; spread out, as callers are, both sides pay for it.
"""
METHOD = (
    f"{STREAMS} clients, started within {SPREAD:g} s of each other, stream answers of {EVENTS} events"
    f" {CADENCE * 1000:.0f} ms apart, through Pollux (OpenAI -> Gemini -> OpenAI, one worker, metrics and access log"
    " on) and through nginx (unbuffered proxy_pass, one process), in alternating rounds; beside them a bare hypercorn"
    " that sends such events out of nothing; processor time from /proc/PID/stat; medians"
)


class Client(asyncio.Protocol):
    """Streams answers one after the other on one connection, and checks that each is whole."""

    def __init__(self, request: bytes, times: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._left = times
        self._events = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._events += data.count(b"data: {")
        self._tail = (self._tail + data)[-7:]
        if self._tail.endswith(b"\r\n0\r\n\r\n"):
            self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _ended(self) -> None:
        if self._events < EVENTS:
            self.done.set_exception(ValueError(f"a stream of {self._events} events"))
            return
        self._left -= 1
        self._events, self._tail = 0, b""
        if self._left:
            self._transport.write(self._request)
        else:
            self.done.set_result(None)
            self._transport.close()


async def stream(port: int, request: bytes, times: int, delay: float) -> None:
    """Be one client."""
    await asyncio.sleep(delay)
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(request, times), "127.0.0.1", port)
    await client.done


async def cost(server: Running, request: bytes, times: int) -> float:
    """Return microseconds of processor time per event."""
    moments = random.Random(1)
    before = server.cpu
    await asyncio.gather(*(stream(server.port, request, times, moments.uniform(0, SPREAD)) for _ in range(STREAMS)))
    return (server.cpu - before) / (STREAMS * times * EVENTS) * 1e6


async def main() -> None:
    """Measure and report."""
    report = Report("CPU per streamed event <= 4.5 x nginx", METHOD, "nginx")
    rounds, times = (1, 4) if report.quick else (3, 10)
    ours, theirs = http(PATH_OPENAI, chat(stream=True)), http(PATH_STREAM, contents())
    proxied, passed, sent = [], [], []
    with canned(EVENTS, CADENCE) as upstream, pollux(upstream) as proxy, nginx(upstream) as server, hello() as bare:
        for each, request in ((proxy, ours), (server, theirs)):
            await cost(each, request, 1)
        for _ in range(rounds):
            proxied.append(await cost(proxy, ours, times))
            passed.append(await cost(server, theirs, times))
            sent.append(await cost(bare, http("/stream", contents()), times))
            figures = f"Pollux {proxied[-1]:.1f} us, nginx {passed[-1]:.1f} us, bare hypercorn {sent[-1]:.1f} us"
            print(f"round     {figures} per event", flush=True)
    report.result("stream_cpu", median(proxied), "us/event")
    report.result("stream_cpu_nginx", median(passed), "us/event")
    report.result("stream_cpu_bare_hypercorn", median(sent), "us/event")
    report.result("stream_ratio", median(proxied) / median(passed), "x nginx", at_most(4.5))
    report.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main()))
