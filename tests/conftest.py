"""What every test shares: an environment without surprises, laws without a clock, golden files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A shared machine is slow at random: a law is checked by its examples, not by its speed.
settings.register_profile("pollux", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pollux")

# What Pollux, the client libraries or an HTTP library would read from the developer's own shell.
FOREIGN = re.compile(
    r"HOST|PORT|WORKERS|(API_|PANEL_)?PASSWORD|GEMINI_.+|GOOGLE_.+|GCLI_.+|OPENAI_.+|ANTHROPIC_.+|POLLUX_.+"
    r"|CREDENTIALS_DIR|DATA_DIR|STORAGE_URL|DATABASE_URL|(REDIS|POSTGRES|POSTGRESQL|MONGODB)_.+"
    r"|.*_ENDPOINT|.*_API_URL|.*_PROXY_URL|LOG_(LEVEL|FILE|FORMAT)|METRICS_BIND|PROMETHEUS_MULTIPROC_DIR"
    r"|((HTTP|HTTPS|ALL|NO)_)?PROXY",
    re.IGNORECASE,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files with what came out")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether a golden test writes its file instead of comparing with it."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(FOREIGN.fullmatch, list(os.environ)):
            patch.delenv(name)
        yield
