"""Gauges show what is now, and zero for what is gone."""

from __future__ import annotations

import asyncio
import time

from msgspec import Struct

from adapters.metric_samples import Looks, Sampler
from adapters.metrics import PrometheusMeter
from tests.adapters.ended import ended


def lines(text: bytes) -> set[str]:
    return set(text.decode().splitlines())


async def test_scrape_shows_what_is_now():
    exchanges = [ended(), ended(stream=False), ended(route="fast")]
    credentials = {("gemini_api", "ready"): 3}
    looks = Looks(lambda: exchanges, lambda: credentials, lambda: {("gemini_api", "active"): 2})
    sampler = Sampler(PrometheusMeter(), looks, worker=4)
    shown = lines((await sampler.scrape())[1])
    assert 'pollux_requests_in_flight{route="default"} 2.0' in shown
    assert 'pollux_streams_open{route="default"} 1.0' in shown
    assert 'pollux_streams_open{route="fast"} 1.0' in shown
    assert 'pollux_credentials{state="ready",upstream="gemini_api"} 3.0' in shown
    assert 'pollux_upstream_connections{state="active",upstream="gemini_api"} 2.0' in shown
    assert any(line.startswith('pollux_worker_rss_bytes{worker="4"} ') for line in shown)


async def test_what_is_gone_is_zero_and_not_its_last_value():
    exchanges = [ended()]
    credentials = {("gemini_api", "ready"): 1}
    sampler = Sampler(PrometheusMeter(), Looks(lambda: exchanges, lambda: dict(credentials)))
    await sampler.scrape()
    exchanges.clear()
    credentials.clear()
    credentials["gemini_api", "cooling"] = 1
    shown = lines((await sampler.scrape())[1])
    assert 'pollux_requests_in_flight{route="default"} 0.0' in shown
    assert 'pollux_credentials{state="ready",upstream="gemini_api"} 0.0' in shown
    assert 'pollux_credentials{state="cooling",upstream="gemini_api"} 1.0' in shown


class Behind(Struct):
    name: str = "redis"
    depth: int = 0
    dropped: int = 0


async def test_store_behind_shows_what_waits_and_counts_what_it_refused():
    store = Behind()
    sampler = Sampler(PrometheusMeter(), Looks(store=store))
    assert 'pollux_write_behind_dropped_total{store="redis"} 0.0' in lines((await sampler.scrape())[1])
    store.depth, store.dropped = 7, 3
    await sampler.scrape()
    shown = lines((await sampler.scrape())[1])
    assert 'pollux_write_behind_depth{store="redis"} 7.0' in shown
    assert 'pollux_write_behind_dropped_total{store="redis"} 3.0' in shown


async def test_loop_held_up_shows_as_lag():
    meter = PrometheusMeter()
    sampler = Sampler(meter, Looks())
    sampler.start()
    await asyncio.sleep(0)
    time.sleep(0.7)  # noqa: ASYNC251 - holding the loop up is the point
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sampler.stop()
    text = meter.exposition()[1].decode()
    assert "pollux_event_loop_lag_seconds_count 1.0" in text
    assert 'pollux_event_loop_lag_seconds_bucket{le="0.1"} 0.0' in text
