"""A stage of a user's own that lets nobody through: what callers see of a 403."""

from __future__ import annotations

from pipeline.errors import Forbidden
from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

CLOSED = """
[pipelines.closed]
insert = [{ after = "auth", stage = "tests.e2e.closed:Closed" }]
[[route]]
match = { path = "*" }
pipeline = "closed"
"""
"""The proxy.toml that has it."""


class Closed(StageConfig, frozen=True):
    """Refuse every request."""

    name = "closed"

    def build(self, ports: Ports) -> Stage:
        async def closed(x: Exchange) -> None:
            raise Forbidden

        return closed
