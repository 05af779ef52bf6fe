"""Wires settings, adapters and stores into one running house."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from adapters import pages
from adapters.asgi import App, Limits
from adapters.catalogue import GoogleCatalogue
from adapters.clock import SystemClock
from adapters.discovery import Projects
from adapters.egress import Egress, ProxiedTransport
from adapters.endpoints import Endpoints
from adapters.fetching import GuardedFetcher
from adapters.gemini_cli import find_client
from adapters.logs import Logs
from adapters.memory import MemoryGuard, part_of_memory
from adapters.metric_samples import Looks, Sampler
from adapters.metrics import PrometheusMeter
from adapters.oauth import OAuthClient, Tokens
from adapters.pages import Pages
from adapters.routing import all_dialects
from adapters.transport import Http1Transport, Timeouts
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.code_assist import CodeAssist
from adapters.upstreams.gemini_api import GeminiApi
from adapters.upstreams.verdicts import TABLE
from adapters.upstreams.vertex import Vertex, VertexExpress
from pipeline.exchange import Exchange, Request
from pipeline.keys import KeyRing
from pipeline.leases import LeasePool
from pipeline.plan import Plan, plan
from pipeline.ports import Ports, Transport, Upstream
from pipeline.quota import Quotas
from pipeline.scheduling import Scheduling
from pipeline.stages.auth import key_of
from pipeline.usage import UsageBook
from pipeline.vault import Vault
from pipeline.windows import Windows
from pollux import __version__, storage
from pollux.credentials import together
from pollux.passwords import Passwords
from pollux.pipelines import DEFAULT

if TYPE_CHECKING:
    from pollux.config import Loaded

METRICS_DIR = "POLLUX_METRICS_DIR"
"""The variable by which the parent tells its workers where their metrics meet."""

LEDGER = "ledger"
"""Where workers keep what they spend of quotas, in data_dir."""

_KINDS = {each.name: each for each in (GeminiApi, CodeAssist, VertexExpress, Vertex)}

_OUT = frozenset({"disabled", "quarantined"})
"""States of credentials that cannot serve, now or later."""


class House:
    """Everything of one worker, wired up."""

    def __init__(self, loaded: Loaded, index: int, environ: Mapping[str, str], logs: Logs | None) -> None:
        self.loaded = loaded
        self.pool: LeasePool
        self.app: App
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
        try:
            await house._start()
        except BaseException:
            await house.close()
            raise
        return house

    async def close(self) -> None:
        """Flush and let go of everything, in reverse."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, clock = self.loaded.settings, SystemClock()
        self.egress = Egress(settings.upstream.proxy)
        self._stack.push_async_callback(self.egress.close)
        self.pool = await self._open_pool(clock)
        self.meter = PrometheusMeter(shared=self._shared_metrics(), worker=self.index)
        self.meter.running(__version__, _loop_name())
        self.transport = self._open_transport()
        self._stack.push_async_callback(self.transport.close)
        self.upstreams = self._open_upstreams(clock)
        entries = [row.entry() for row in self.loaded.tables.models]
        catalogue = GoogleCatalogue(self.egress, clock, self.pool.credentials, self._endpoints(), entries)
        self._stack.push_async_callback(catalogue.close)
        await self._open_keys(clock)
        vault = Vault(self.state, clock)
        if self.index == 0:
            pruning = asyncio.create_task(vault.prune())
            self._stack.callback(pruning.cancel)
        fetcher = GuardedFetcher()
        self.ports = Ports(
            pool=self.pool,
            upstreams=self.upstreams,
            transport=self.transport,
            catalogue=catalogue,
            keys=self.keys,
            meter=self.meter,
            clock=clock,
            vault=vault,
            fetcher=fetcher,
            quotas=self.quotas,
            usage=self.usage,
        )
        self.plans = {name: plan(name, configs, self.ports) for name, configs in self.loaded.pipelines.items()}
        self.dialects = all_dialects()
        self.app = self._open_app()
        looks = Looks(self.app.exchanges, self.pool.states, self._connections, self.pool.forecast)
        self.sampler = Sampler(self.meter, looks, worker=self.index)
        self.sampler.start()
        self._stack.callback(self.sampler.stop)

    async def _open_keys(self, clock: SystemClock) -> None:
        settings = self.loaded.settings
        windows = Windows(settings.scheduling.reset_zone)
        self.keys = KeyRing(self.state, {"password": settings.auth.api_password})
        self._stack.callback(self.keys.following.close)
        await self.keys.following.start()
        self.quotas = Quotas(self.state, clock, windows, Path(settings.storage.data_dir) / LEDGER)
        self._stack.push_async_callback(self.quotas.close)
        await self.quotas.start()
        self.usage = UsageBook(self.state, clock, windows)
        await self.usage.start()

    def _open_transport(self) -> Transport:
        settings = self.loaded.settings.upstream
        timeouts = Timeouts(**msgspec.structs.asdict(settings.timeouts))
        if settings.proxy:
            return ProxiedTransport(settings.proxy, timeouts)
        return Http1Transport(
            timeouts,
            observe_connect=lambda origin, seconds: self.meter.connected(
                origin.host, origin.scheme == "https", seconds
            ),
        )

    async def _open_pool(self, clock: SystemClock) -> LeasePool:
        settings = self.loaded.settings.storage
        self.state = await storage.opened(settings)
        self._stack.push_async_callback(self.state.close)
        store = together(storage.homes(settings, self.state, self._environ), settings, self._environ)
        self._stack.push_async_callback(store.close)
        scheduling = msgspec.to_builtins(self.loaded.settings.scheduling)
        options = msgspec.structs.replace(msgspec.convert(scheduling, Scheduling), limits=self.loaded.tables.limits)
        pool = LeasePool(
            store, self.state, clock, {kind: upstream.operations for kind, upstream in _KINDS.items()}, options
        )
        for kind in ("cooldown", "disabled", "quota"):
            self.state.watch(kind, pool.wake_state)
        await pool.start()
        self._stack.push_async_callback(pool.close)
        return pool

    def _endpoints(self) -> Endpoints:
        return Endpoints(**msgspec.structs.asdict(self.loaded.settings.upstream.endpoints))

    def _open_upstreams(self, clock: SystemClock) -> dict[str, Upstream]:
        endpoints, upstream = self._endpoints(), self.loaded.settings.upstream
        tokens = Tokens(self.egress, clock, self.pool.refreshed, endpoints, self._oauth_client, self.meter.refreshed)
        self._stack.push_async_callback(tokens.close)
        projects = Projects(self.egress, clock, tokens, self.pool.refreshed, endpoints)
        self._stack.push_async_callback(projects.close)
        agent = UserAgent(__version__, upstream.user_agent)
        table = (*self.loaded.tables.errors, *TABLE)
        adapters: list[Upstream] = [
            GeminiApi(agent, clock, endpoints, table=table),
            CodeAssist(agent, clock, tokens, projects, endpoints, table=table),
            VertexExpress(agent, clock, endpoints, table=table),
            Vertex(agent, clock, tokens, endpoints, upstream.location, table=table),
        ]
        return {adapter.name: adapter for adapter in adapters}

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
        limits = Limits(server.max_body_bytes, server.body_timeout, server.heartbeat)
        return App(
            self.dialects.choose,
            self._choose_plan,
            self._done,
            pages=served,
            limits=limits,
            cors_origins=tuple(server.cors),
            memory=MemoryGuard(part_of_memory(server.max_memory_bytes, server.max_memory_share, server.workers)),
        )

    def _choose_plan(self, x: Exchange) -> Plan:
        if not self.loaded.routes:
            return self.plans[DEFAULT]
        # Only configurations with routes pay for reading the model before `format` does.
        model = x.dialect.read(x.request).model
        x.route = self.loaded.pipeline(x.request.path, model)
        return self.plans[x.route]

    def _done(self, x: Exchange, outcome: BaseException | None) -> None:
        self.meter.done(x, outcome)
        if self._logs is not None:
            self._logs.access(x, outcome)

    def _ready(self) -> dict[str, object]:
        if self.app.draining:
            return {"status": "draining"}
        enabled = sum(count for (_, state), count in self.pool.states().items() if state not in _OUT)
        return {"status": "ok" if enabled else "no credential", "credentials": enabled}

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

    def _connections(self) -> dict[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        if isinstance(self.transport, Http1Transport):
            for origin, (idle, active) in self.transport.counts().items():
                counts[origin.host, "idle"] += idle
                counts[origin.host, "active"] += active
        return counts


def _everybody(request: Request) -> bool:
    return True


def _loop_name() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
