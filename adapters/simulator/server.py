"""A Google that never leaves the machine: OAuth, Code Assist, Gemini API and Vertex on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

import msgspec

from adapters.listening import stop_listening
from adapters.simulator.canned import start as start_canned
from adapters.simulator.control import answer as control
from adapters.simulator.delivery import deliver
from adapters.simulator.journal import Journal
from adapters.simulator.router import answer
from adapters.simulator.scenario import Fault, Scenario, merge
from adapters.simulator.wire import Request, Wire
from adapters.simulator.world import World


class Simulator:
    """Use as `async with Simulator(Scenario()) as sim:` and point a client at `sim.url`.

    Shape: `sim.requests` is the journal of everything received; `sim.script(...)` changes what comes next.
    """

    def __init__(self, scenario: Scenario | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self._initial = msgspec.to_builtins(scenario or Scenario())
        self._host, self._port = host, port
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self.requests = Journal()
        self.world = World(self._fresh())

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._wire, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is None:
            return
        await stop_listening(self._server)
        for wire in list(self._wires):
            wire.close()
        await self.wait_connections(0)
        await self._server.wait_closed()
        self._server = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def scenario(self) -> Scenario:
        """The scenario as it stands."""
        return self.world.scenario

    # scripting

    def script(self, *faults: Fault, **changes: Any) -> None:
        """Add faults and set fields of the scenario, for every request from now on."""
        kept = changes.pop("faults", self.scenario.faults)
        if kept is not self.scenario.faults:
            self.world.hits.clear()
        self.world.scenario = merge(self.scenario, {**changes, "faults": [*kept, *faults]})

    def reset(self) -> None:
        """Go back to the first scenario; forget tokens, onboarding, hits and the journal."""
        self.world = World(self._fresh())
        self.requests.entries.clear()

    def _fresh(self) -> Scenario:
        return msgspec.convert(self._initial, Scenario)

    # watching

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._wires)

    @property
    def active(self) -> int:
        """How many requests are being answered."""
        return sum(entry.finished is None and entry.closed is None for entry in self.requests)

    async def wait_requests(self, count: int, within: float = 5.0) -> None:
        """Wait until this many requests have arrived in all."""
        await self.requests.until(lambda: len(self.requests) >= count, within)

    async def wait_closed(self, count: int = 1, within: float = 5.0) -> None:
        """Wait until this many clients have left before their reply ended."""
        await self.requests.until(lambda: sum(e.closed is not None for e in self.requests) >= count, within)

    async def wait_idle(self, within: float = 5.0) -> None:
        """Wait until no request is being answered."""
        await self.requests.until(lambda: self.active == 0, within)

    async def wait_connections(self, count: int, within: float = 5.0) -> None:
        """Wait until no more than this many clients are connected."""
        await self.requests.until(lambda: len(self._wires) <= count, within)

    def _wire(self) -> Wire:
        return Wire(self._respond, self._wires, self.requests.changed)

    async def _respond(self, wire: Wire, request: Request) -> None:
        if request.path.startswith("/_sim/"):
            await deliver(control(request, self), wire)
            return
        entry = self.requests.add(request)
        reply = answer(request, self.world)
        entry.status = reply.status
        try:
            await deliver(reply, wire)
            entry.finished = asyncio.get_running_loop().time()
        except asyncio.CancelledError:
            entry.closed = asyncio.get_running_loop().time()
            raise
        finally:
            self.requests.changed()


async def serve(
    host: str,
    port: int,
    scenario: Scenario | None = None,
    canned: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run a simulator until cancelled; `ready` is told its URL.

    Shape: `canned` serves one prebuilt answer to everybody, for benchmarks; of the scenario it takes the cadence,
    the number of events and the text.
    """
    if canned:
        await _serve_canned(host, port, scenario or Scenario(), ready)
        return
    async with Simulator(scenario, host, port) as simulator:
        if ready:
            ready(simulator.url)
        await asyncio.get_running_loop().create_future()


async def _serve_canned(host: str, port: int, scenario: Scenario, ready: Callable[[str], None] | None) -> None:
    server = await start_canned(host, port, scenario)
    async with server:
        if ready:
            ready(f"http://{host}:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()
