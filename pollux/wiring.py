"""Wires settings, adapters and stores into one running house."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from adapters import pages
from adapters.admin.lazy import LazyAdmin
from adapters.asgi import Admin, App, Limits
from adapters.catalogue import GoogleCatalogue
from adapters.clock import SystemClock
from adapters.discovery import Projects
from adapters.egress import Egress
from adapters.fetching import GuardedFetcher
from adapters.gemini_cli import find_client
from adapters.log_tail import LogTail
from adapters.logs import Logs
from adapters.memory import MemoryGuard, part_of_memory
from adapters.metric_samples import Looks, Sampler
from adapters.metrics import PrometheusMeter
from adapters.oauth import OAuthClient, Tokens
from adapters.pages import Pages
from adapters.redaction import redact
from adapters.routing import all_dialects
from adapters.traffic import Traffic
from pipeline.exchange import Exchange, Request
from pipeline.holdings import Holdings
from pipeline.keys import KeyRing
from pipeline.leases import LeasePool
from pipeline.plan import Plan
from pipeline.ports import Ports, Upstream
from pipeline.quota import Quotas
from pipeline.scheduling import Scheduling
from pipeline.shared_traces import SharedTraces
from pipeline.stages.auth import key_of
from pipeline.stages.model_suffix import ModelSuffix
from pipeline.usage import UsageBook
from pipeline.vault import Vault
from pipeline.windows import Windows
from pollux import __version__, google, storage
from pollux.chores import chores
from pollux.config_hash import config_hash
from pollux.credentials import together
from pollux.graph import Graph, build
from pollux.jobs import Jobs
from pollux.passwords import Passwords
from pollux.reload import Reloader
from pollux.turns import Turns
from stores.write_behind import WriteBehind

if TYPE_CHECKING:
    from pollux.config import Loaded
    from pollux.settings import Server

METRICS_DIR = "POLLUX_METRICS_DIR"
"""The variable by which the parent tells its workers where their metrics meet."""

RESTARTED = "POLLUX_RESTARTED"
"""The variable by which the parent tells a worker that it takes the place of one that died."""

LEDGER = "ledger"
"""Where workers keep what they spend of quotas, in data_dir."""

Status = Literal["ok", "no credential", "draining"]

_OUT = frozenset({"disabled", "quarantined"})
"""States of credentials that cannot serve, now or later."""


class House:
    """Everything of one worker, wired up.

    Shape: `bound_silence` has whoever listens bound how long a caller may take nothing of what is sent to it.
    """

    def __init__(self, loaded: Loaded, index: int, environ: Mapping[str, str], logs: Logs | None) -> None:
        self.loaded = loaded
        self.graph: Graph
        self.pool: LeasePool
        self.app: App
        self.bound_silence: Callable[[float], None] = lambda _: None
        self.index = index
        self._environ = environ
        self._logs = logs
        self._stack = AsyncExitStack()

    @classmethod
    async def open(
        cls,
        loaded: Loaded,
        index: int = 0,
        environ: Mapping[str, str] | None = None,
        logs: Logs | None = None,
    ) -> House:
        """Wire up and start a worker. Errors: StoreError when a store cannot be read."""
        house = cls(loaded, index, os.environ if environ is None else environ, logs)
        async with AsyncExitStack() as undoing:
            undoing.push_async_callback(house.close)
            await house._start()
            undoing.pop_all()
        return house

    async def close(self) -> None:
        """Flush and let go of everything, in reverse."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, clock = self.loaded.settings, SystemClock()
        self.egress = Egress(settings.upstream.proxy)
        self._stack.push_async_callback(self.egress.close)
        self.meter = PrometheusMeter(shared=self._shared_metrics(), worker=self.index)
        self.meter.running(__version__, _loop_name())
        self.meter.child("pollux_worker_restarts_total")(RESTARTED in self._environ)
        self.pool = await self._open_pool(clock)
        if (behind := self._behind()) is not None:
            behind.observe = partial(self.meter.stored, behind.name)
        self.transport = google.transport(self.loaded.settings.upstream, self.meter)
        self.endpoints = google.endpoints(self.loaded.settings.upstream)
        self._stack.push_async_callback(self.transport.close)
        self._open_tokens(clock)
        self.catalogue = GoogleCatalogue(self.egress, clock, self.pool.credentials, self.endpoints)
        self._stack.push_async_callback(self.catalogue.close)
        await self._open_keys(clock)
        self.vault = Vault(self.state, clock)
        self.traces = SharedTraces(self.state, clock, self.index, veil=redact)
        self.dialects = all_dialects()
        self.traffic = Traffic(self.state, clock)
        self._stack.push_async_callback(self.traffic.close)
        self.traffic.start()
        self.app = self._open_app()
        self.app.admin = LazyAdmin(self._admin)
        self._adopt(self._build(self.loaded))
        connections = partial(google.connections, self.transport)
        looks = Looks(self.app.exchanges, self.pool.states, connections, self.pool.forecast, self._behind())
        self.sampler = Sampler(self.meter, looks, worker=self.index)
        self.sampler.start()
        self._stack.callback(self.sampler.stop)
        self._open_office(clock)

    def _open_office(self, clock: SystemClock) -> None:
        """Open what operators work with."""
        file = self.loaded.settings.logging.file
        self.log_tail = self._logs.tail if self._logs else LogTail(Path(file) if file else None)
        if self.loaded.settings.server.workers > 1 or self.loaded.settings.storage.url:
            self._stack.push_async_callback(self.traces.close)
            self.traces.start()
        self.reloader = Reloader(self.loaded, self._environ, self._build, self._adopt, self.meter)
        self._stack.push_async_callback(self.reloader.close)
        self.reloader.start()
        self.jobs = Jobs(chores(self), self.state, clock)
        self._stack.push_async_callback(self.jobs.close)
        self.jobs.start()

    def _build(self, loaded: Loaded) -> Graph:
        """Make a configuration ready to serve by, aside. Errors: whatever a stage raises while it is built."""
        ports = Ports(
            pool=self.pool,
            upstreams=google.upstreams(loaded, SystemClock(), self.tokens, self.projects, self.endpoints),
            transport=self.transport,
            catalogue=self.catalogue,
            keys=self.keys,
            meter=self.meter,
            clock=SystemClock(),
            vault=self.vault,
            fetcher=GuardedFetcher(blocked=self.meter.blocked),
            quotas=self.quotas,
        )
        return build(loaded, ports)

    def _adopt(self, graph: Graph) -> None:
        """Serve by this from the next request on; those under way hold on to what they began with."""
        settings, tables = graph.loaded.settings, graph.loaded.tables
        self.graph, self.loaded = graph, graph.loaded
        self.meter.configured(config_hash(graph.loaded))
        self.keys.admit({"password": settings.auth.api_password})
        self.pool.reschedule(_scheduling(graph.loaded))
        self.catalogue.entries = [row.entry() for row in tables.models]
        self.catalogue.aliases = _aliases(graph.loaded)
        self.app.limit(_limits(settings.server), tuple(settings.server.cors))
        self.bound_silence(settings.server.send_timeout)
        self.traces.always(settings.server.server_timing)
        if self._logs is not None:
            self._logs.set_level(settings.logging.level)

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that the configuration is read with."""
        return self._environ

    @property
    def ports(self) -> Ports:
        """What the stages in effect were built with."""
        return self.graph.ports

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """The upstreams in effect, by the kind of credential."""
        return self.graph.ports.upstreams

    async def _open_keys(self, clock: SystemClock) -> None:
        settings = self.loaded.settings
        self.clock = clock
        self.keys = KeyRing(self.state, {"password": settings.auth.api_password})
        self._stack.callback(self.keys.following.close)
        await self.keys.following.start()
        self.quotas = Quotas(self.state, clock, self.windows, self.holdings)
        self._stack.callback(self.quotas.close)
        await self.quotas.start()
        self.usage = UsageBook(self.state, clock, self.windows)
        await self.usage.start()
        self._stack.callback(self.usage.write)

    async def _open_pool(self, clock: SystemClock) -> LeasePool:
        settings = self.loaded.settings.storage
        self.state = await storage.opened(settings)
        self._stack.push_async_callback(self.state.close)
        store = together(storage.homes(settings, self.state, self._environ), settings, self._environ)
        self._stack.push_async_callback(store.close)
        self.credentials = store
        self.windows = Windows(self.loaded.settings.scheduling.reset_zone)
        self.holdings = Holdings(self.state, clock, self.windows, Path(settings.data_dir) / LEDGER)
        self._stack.push_async_callback(self.holdings.close)
        self.holdings.start()
        scheduling = _scheduling(self.loaded)
        pool = LeasePool(store, self.state, clock, google.OPERATIONS, scheduling, self.meter.cooled, self.holdings)
        for kind in ("cooldown", "disabled", "quota"):
            self.state.watch(kind, pool.wake_state)
        await pool.start()
        self._stack.push_async_callback(pool.close)
        return pool

    def _open_tokens(self, clock: SystemClock) -> None:
        refreshed, endpoints = self.pool.refreshed, self.endpoints
        turns = Turns(self.state, self.credentials, clock, self.pool.credentials)
        self.tokens = Tokens(
            self.egress, clock, refreshed, endpoints, self._oauth_client, self.meter.refreshed, turns.turn
        )
        self._stack.push_async_callback(self.tokens.close)
        self.projects = Projects(self.egress, clock, self.tokens, refreshed, endpoints)
        self._stack.push_async_callback(self.projects.close)

    def _oauth_client(self) -> OAuthClient | None:
        settings = self.loaded.settings.oauth
        if settings.client_id:
            return OAuthClient(settings.client_id, settings.client_secret)
        return find_client(self._environ)

    def _open_app(self) -> App:
        server, metrics = self.loaded.settings.server, self.loaded.settings.metrics
        served = pages.health(self._ready)
        if not metrics.bind:
            served["/metrics"] = pages.metrics(self._scrape, self._admitted_to_panel)
        return App(
            self.dialects.choose,
            self._choose_plan,
            self._done,
            pages=served,
            traces=self.traces,
            memory=MemoryGuard(part_of_memory(server.max_memory_bytes, server.max_memory_share, server.workers)),
        )

    def _choose_plan(self, x: Exchange) -> Plan:
        return self.graph.choose(x)

    def _done(self, x: Exchange, outcome: BaseException | None) -> None:
        self.meter.done(x, outcome)
        self.usage.record(x, outcome)
        self.traffic.done(x, outcome)
        if self._logs is not None:
            self._logs.access(x, outcome)

    def status(self) -> Status:
        """Say whether requests can be served now, or why not."""
        if self.app.draining:
            return "draining"
        return "ok" if self._enabled() else "no credential"

    @property
    def store(self) -> Literal["ok", "away"]:
        """Say whether the state store answers; while it is away, requests are served from memory and state waits."""
        behind = self._behind()
        return "ok" if behind is None or behind.healthy else "away"

    @property
    def store_name(self) -> str:
        """Say what holds the state."""
        behind = self._behind()
        return "memory" if behind is None else behind.name

    def _behind(self) -> WriteBehind | None:
        return self.state if isinstance(self.state, WriteBehind) else None

    def _enabled(self) -> int:
        return sum(count for (_, state), count in self.pool.states().items() if state not in _OUT)

    def _ready(self) -> dict[str, object]:
        status: Status = self.status()
        shown: dict[str, object] = {"status": status, "store": self.store}
        return shown if status == "draining" else {**shown, "credentials": self._enabled()}

    def _admin(self) -> Callable[[], Admin]:
        from pollux.office import opener

        return opener(self)

    def metrics_pages(self) -> Pages:
        """Return what a metrics listener of its own serves: no password, and nothing else."""
        return Pages({"/metrics": pages.metrics(self.sampler.scrape, _everybody)})

    async def _scrape(self, accept: str) -> tuple[str, bytes]:
        return await self.sampler.scrape(accept)

    def _admitted_to_panel(self, request: Request) -> bool:
        return Passwords(self.loaded.settings.auth.panel_password).caller(key_of(request)) is not None

    def _shared_metrics(self) -> Path | None:
        directory = self._environ.get(METRICS_DIR)
        return Path(directory) if directory else None


def _scheduling(loaded: Loaded) -> Scheduling:
    said = msgspec.to_builtins(loaded.settings.scheduling)
    return msgspec.structs.replace(msgspec.convert(said, Scheduling), limits=loaded.tables.limits)


def _aliases(loaded: Loaded) -> dict[str, str]:
    """Return what models are called besides, in any pipeline."""
    stages = (stage for pipeline in loaded.pipelines.values() for stage in pipeline)
    suffixes = [stage for stage in stages if isinstance(stage, ModelSuffix)]
    return {alias: model for stage in suffixes for alias, model in stage.known().items()}


def _limits(server: Server) -> Limits:
    return Limits(
        max_body_bytes=server.max_body_bytes,
        body_timeout=server.body_timeout,
        send_timeout=server.send_timeout,
        heartbeat=server.heartbeat,
        server_timing=server.server_timing,
    )


def _everybody(request: Request) -> bool:
    return True


def _loop_name() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
