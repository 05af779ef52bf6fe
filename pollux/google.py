"""The way to Google as the settings describe it: endpoints, transport and upstreams."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from adapters.egress import ProxiedTransport
from adapters.endpoints import Endpoints
from adapters.transport import Http1Transport, Timeouts
from adapters.upstreams.agent import UserAgent
from adapters.upstreams.code_assist import CodeAssist
from adapters.upstreams.gemini_api import GeminiApi
from adapters.upstreams.verdicts import TABLE
from adapters.upstreams.vertex import Vertex, VertexExpress
from pollux import __version__

if TYPE_CHECKING:
    from adapters.discovery import Projects
    from adapters.metrics import PrometheusMeter
    from adapters.oauth import Tokens
    from pipeline.ports import Clock, Transport, Upstream
    from pollux import settings
    from pollux.config import Loaded

OPERATIONS = {each.name: each.operations for each in (GeminiApi, CodeAssist, VertexExpress, Vertex)}
"""What each kind of credential can do."""


def endpoints(wanted: settings.Upstream) -> Endpoints:
    """Return where Google's services are."""
    return Endpoints(**msgspec.structs.asdict(wanted.endpoints))


def transport(wanted: settings.Upstream, meter: PrometheusMeter) -> Transport:
    """Return what carries the calls: our own, or httpcore where there is a proxy on the way."""
    timeouts = Timeouts(**msgspec.structs.asdict(wanted.timeouts))
    if wanted.proxy:
        return ProxiedTransport(wanted.proxy, timeouts)
    return Http1Transport(
        timeouts,
        observe_connect=lambda origin, seconds: meter.connected(origin.host, origin.scheme == "https", seconds),
    )


def upstreams(loaded: Loaded, clock: Clock, tokens: Tokens, projects: Projects, at: Endpoints) -> dict[str, Upstream]:
    """Return the upstreams of a configuration, by the kind of credential."""
    wanted = loaded.settings.upstream
    agent = UserAgent(__version__, wanted.user_agent)
    table = (*loaded.tables.errors, *TABLE)
    adapters: list[Upstream] = [
        GeminiApi(agent, clock, at, table=table),
        CodeAssist(agent, clock, tokens, projects, at, table=table),
        VertexExpress(agent, clock, at, table=table),
        Vertex(agent, clock, tokens, at, wanted.location, table=table),
    ]
    return {adapter.name: adapter for adapter in adapters}


def connections(transport: Transport) -> dict[tuple[str, str], int]:
    """Return how many connections there are, by host and state."""
    counts: Counter[tuple[str, str]] = Counter()
    if isinstance(transport, Http1Transport):
        for origin, (idle, active) in transport.counts().items():
            counts[origin.host, "idle"] += idle
            counts[origin.host, "active"] += active
    return counts
