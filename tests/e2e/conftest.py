"""Proxies in front of each upstream, for the tests of the client libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.upstreams import UPSTREAMS, proxy_to
from tests.proxy import Running


@pytest.fixture(params=UPSTREAMS)
def upstream(request: pytest.FixtureRequest) -> str:
    """Each upstream in turn; a test that names its own parametrizes `upstream` itself."""
    return str(request.param)


@pytest.fixture
async def proxy(upstream: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A proxy whose every credential belongs to the upstream."""
    async with proxy_to(upstream, tmp_path) as running:
        yield running
