"""What a running house counts of calls to upstream and of who is not let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpcore
import pytest

from adapters.simulator import Fault, Scenario
from pollux.config import load
from pollux.config_hash import config_hash
from tests.pipeline.stages.callers import Heard, chat, native
from tests.proxy import KEY, Running, pollux

MODEL = "gemini-3.8-flash"


def shown(proxy: Running) -> list[str]:
    return proxy.house.meter.exposition()[1].decode().splitlines()


def value(proxy: Running, series: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in shown(proxy) if line.startswith(series))


async def test_failed_call_that_another_follows_is_a_retry_and_a_rest(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("429-per-minute", times=1)])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        assert (await native(proxy, MODEL)).status == 200
        assert value(proxy, "pollux_retries_total{") == 1
        assert value(proxy, 'pollux_retries_total{reason="provider_rate_limit",route="default"}') == 1
        rests = 'pollux_credential_cooldowns_total{reason="provider_rate_limit",upstream="gemini_api"}'
        assert value(proxy, rests) == 1
        assert value(proxy, "pollux_credential_requests_total{") == 2
        assert value(proxy, "pollux_upstream_time_to_headers_seconds_count") == 2
        assert value(proxy, 'pollux_overhead_seconds_count{phase="pre",route="default"}') == 1
        assert KEY not in "\n".join(shown(proxy))
        assert "test-key-1" not in "\n".join(shown(proxy))


async def test_last_failure_is_no_retry(tmp_path: Path) -> None:
    scenario = Scenario(faults=[Fault("400-schema")])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        assert (await native(proxy, MODEL)).status == 400
        assert value(proxy, "pollux_retries_total{") == 0


@pytest.mark.parametrize("ask", [chat, native])
async def test_answer_that_breaks_off_counts_the_tokens_it_took(
    tmp_path: Path, ask: Callable[[Running, str], Awaitable[Heard]]
) -> None:
    scenario = Scenario(text="word " * 20, events=20, cadence=0.01, faults=[Fault("reset", after_events=10)])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        assert (await ask(proxy, MODEL)).errors
        assert value(proxy, f'pollux_tokens_total{{model="{MODEL}",type="input"}}') > 0
        assert value(proxy, f'pollux_tokens_total{{model="{MODEL}",type="output"}}') > 0


async def test_wrong_passwords_are_counted_by_surface(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy, httpcore.AsyncConnectionPool() as pool:
        assert (await pool.request("GET", f"{proxy.url}/v1/models")).status == 401
        assert value(proxy, 'pollux_auth_failures_total{reason="missing",surface="api"}') == 1
        wrong = [("authorization", "Bearer made-up")]
        assert (await pool.request("GET", f"{proxy.url}/v1/models", headers=wrong)).status == 401
        assert (await pool.request("GET", f"{proxy.url}/api/v1/keys", headers=wrong)).status == 401
        for surface in ("api", "admin"):
            assert value(proxy, f'pollux_auth_failures_total{{reason="wrong",surface="{surface}"}}') == 1


async def test_configuration_in_effect_is_shown_by_a_hash_that_no_secret_is_in(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        now = config_hash(proxy.house.loaded)
        assert value(proxy, f'pollux_config_hash_info{{hash="{now}"}}') == 1
        assert value(proxy, "pollux_worker_restarts_total") == 0


def test_hash_tells_configurations_apart_but_not_passwords() -> None:
    plain, other, secret = (
        config_hash(load(None, environ))
        for environ in ({}, {"RETRY_429_ENABLED": "false"}, {"API_PASSWORD": "made-up-password"})
    )
    assert plain == secret != other
