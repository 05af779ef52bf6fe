"""Figures are right, bounded in number, and the sum of all workers."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metric_samples import resident
from adapters.metric_table import METRICS, TOKEN_TYPES
from adapters.metrics import OVERFLOW, UNKNOWN_MODEL, PrometheusMeter, SharedMetrics
from pipeline.errors import BadRequest, Broken, ProxyError
from pipeline.gaps import Gaps
from tests.adapters.ended import ended

ROOT = Path(__file__).resolve().parents[2]


def figures(meter: PrometheusMeter) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample of an exposition: name -> label values in the table's order -> value."""
    orders = {metric.name.removesuffix("_total"): metric.labels for metric in METRICS}
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(meter.exposition()[1].decode()):
        for sample in family.samples:
            order = orders[family.name]
            rest = [value for name, value in sample.labels.items() if name not in order]
            labels = (*(sample.labels[name] for name in order), *rest)
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_complete_stream_is_counted_everywhere():
    meter = PrometheusMeter()
    meter.done(ended(), None)
    now = figures(meter)
    assert now["pollux_requests_total"] == {("default", "openai_chat", "gemini-2.5-flash", "2xx", ""): 1}
    assert now["pollux_request_duration_seconds_sum"]["default", "openai_chat", "true"] == pytest.approx(0.5, abs=0.2)
    assert now["pollux_time_to_first_chunk_seconds_sum"]["default", "gemini-2.5-flash"] == pytest.approx(0.25)
    assert now["pollux_stream_end_total"] == {("default", "complete"): 1}
    assert now["pollux_upstream_attempts_per_request_sum"] == {("default",): 2}
    assert now["pollux_usage_source_total"] == {("upstream",): 1, ("missing",): 0}


def test_silences_of_a_stream_are_counted_as_if_observed_one_by_one():
    gaps, moment = Gaps(), 100.0
    for silence in (0.0, 0.004, 0.0100001, 0.0099999, 5.0, 31.0):
        moment += silence
        gaps.note(moment)
    meter = PrometheusMeter()
    for _ in range(2):
        x = ended()
        x.gaps = gaps
        meter.done(x, None)
    now = figures(meter)
    buckets = {float(le): count for (_, le), count in now["pollux_inter_chunk_seconds_bucket"].items()}
    expected = {0.001: 0, 0.005: 2, 0.01: 4, 0.025: 6, 2.5: 6, 10.0: 8, 30.0: 8, float("inf"): 10}
    assert {bound: buckets[bound] for bound in expected} == expected
    assert now["pollux_inter_chunk_seconds_count"]["default",] == 10
    assert now["pollux_inter_chunk_seconds_sum"]["default",] == pytest.approx(2 * (moment - 100.0))


def test_unary_answer_has_no_stream_series():
    meter = PrometheusMeter()
    meter.done(ended(stream=False), None)
    now = figures(meter)
    assert "pollux_stream_end_total" not in now
    assert "pollux_time_to_first_chunk_seconds_count" not in now


def test_answer_without_usage_is_told_apart_from_one_that_has_none_to_tell():
    meter = PrometheusMeter()
    meter.done(ended(usage={}), None)
    meter.done(ended(usage={}, operation="models"), None)
    meter.done(ended(usage={}), Broken())
    assert figures(meter)["pollux_usage_source_total"]["missing",] == 1


@pytest.mark.parametrize(
    ("outcome", "kind", "error_type"),
    [
        (asyncio.CancelledError(), "4xx", "caller_disconnect"),
        (BadRequest(), "4xx", "caller_invalid"),
        (Broken(error_type="provider_cut"), "5xx", "provider_cut"),
        (ProxyError(error_type="new_word"), "5xx", "_OTHER"),
    ],
    ids=repr,
)
def test_failed_request_is_counted_by_class_and_error_type(outcome, kind, error_type):
    meter = PrometheusMeter(models=["gemini-2.5-flash"])
    meter.done(ended(), outcome)
    key = ("default", "openai_chat", "gemini-2.5-flash", kind, error_type)
    assert figures(meter)["pollux_requests_total"] == {key: 1}


def test_attempts_are_counted_by_result():
    meter = PrometheusMeter(models=["m"])
    for result in ("ok", "ok", "provider_rate_limit", "new_word"):
        meter.attempted("gemini_api", "m", result, "key-1")
    assert figures(meter)["pollux_upstream_attempts_total"] == {
        ("gemini_api", "m", "ok"): 2,
        ("gemini_api", "m", "provider_rate_limit"): 1,
        ("gemini_api", "m", "_OTHER"): 1,
    }


def test_token_types_do_not_overlap():
    meter = PrometheusMeter()
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
        "toolUsePromptTokenCount": 3,
        "totalTokenCount": 140,
    }
    meter.tokens("m", usage)
    now = figures(meter)["pollux_tokens_total"]
    assert now == dict(zip([("m", kind) for kind in TOKEN_TYPES], [40, 60, 7, 30, 3], strict=True))
    assert sum(now.values()) == usage["totalTokenCount"]


def test_connections_and_refreshes_are_counted():
    meter = PrometheusMeter()
    meter.connected("gemini_api", True, 0.03)
    meter.refreshed("code_assist", "ok")
    meter.refreshed("code_assist", "nonsense")
    meter.running("0.1.0", "uvloop")
    now = figures(meter)
    assert now["pollux_upstream_connect_seconds_count"] == {("gemini_api", "true"): 1}
    assert now["pollux_token_refresh_total"] == {("code_assist", "ok"): 1, ("code_assist", "_OTHER"): 1}
    assert next(iter(now["pollux_build_info"])).count("uvloop") == 1


def test_made_up_models_never_make_series():
    """Field notes T-MET: an attack with 100,000 model names."""
    meter = PrometheusMeter(models=["real"])
    for number in range(100_000):
        meter.done(ended(model=f"made-up-{number}"), BadRequest())
    models = {labels[2] for labels in figures(meter)["pollux_requests_total"]}
    assert models == {UNKNOWN_MODEL}


def test_answered_models_beyond_the_budget_share_one_series():
    meter = PrometheusMeter(model_budget=3)
    for number in range(10):
        meter.done(ended(model=f"tuned-{number}"), None)
        meter.tokens(f"tuned-{number}", {"promptTokenCount": 1})
    now = figures(meter)
    assert {labels[2] for labels in now["pollux_requests_total"]} == {"tuned-0", "tuned-1", "tuned-2", OVERFLOW}
    assert now["pollux_tokens_total"][OVERFLOW, "input"] == 7


def test_names_follow_prometheus_conventions():
    for metric in METRICS:
        assert metric.name.startswith("pollux_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert list(metric.buckets) == sorted(metric.buckets)


async def test_scrape_speaks_what_the_scraper_accepts():
    meter = PrometheusMeter()
    content_type, text = await meter.scrape()
    assert content_type.startswith("text/plain")
    openmetrics_type, openmetrics = await meter.scrape("application/openmetrics-text; version=1.0.0")
    assert openmetrics_type.startswith("application/openmetrics-text")
    assert openmetrics.endswith(b"# EOF\n")
    assert not text.endswith(b"# EOF\n")


def test_counting_costs_a_request_little():
    """The promise is 8 us on an idle machine; the test only catches a lookup that became a construction."""
    meter, x = PrometheusMeter(), ended()
    meter.done(x, None)
    started = time.process_time()
    for _ in range(2000):
        meter.attempted("gemini_api", x.model, "ok", "key-1")
        meter.sent(x.route, 0.001)
        meter.headed("gemini_api", 0.2)
        meter.tokens(x.model, x.usage)
        meter.done(x, None)
    assert (time.process_time() - started) / 2000 < 80e-6


# --- several workers: real processes, because the library decides once per process ---

WORKER = """
import sys
from pathlib import Path
from adapters.metric_samples import Looks, Sampler
from adapters.metrics import PrometheusMeter
from tests.adapters.ended import ended

worker = int(sys.argv[2])
meter = PrometheusMeter(shared=Path(sys.argv[1]), worker=worker)
looks = Looks(lambda: [ended()], lambda: {("gemini_api", "ready"): 4}, lambda: {("gemini_api", "idle"): 2})
sampler = Sampler(meter, looks, worker=worker)
for command in sys.stdin:
    match command.split():
        case ["serve", number]:
            for _ in range(int(number)):
                meter.done(ended(), None)
            sampler.sample()
            print("served", flush=True)
        case ["scrape"]:
            print(meter.exposition()[1].decode() + "# EOF", flush=True)
"""


class Worker:
    """One process that counts on command."""

    def __init__(self, shared: SharedMetrics, number: int) -> None:
        command = [sys.executable, "-c", WORKER, str(shared.directory), str(number)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def ask(self, command: str, until: str) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if line.strip() == until:
                return lines
            lines.append(line)
        raise AssertionError("the worker died")

    def serve(self, number: int) -> None:
        self.ask(f"serve {number}", "served")

    def scrape(self) -> dict[str, float]:
        lines = self.ask("scrape", "# EOF")
        samples = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in samples}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def end(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


REQUESTS = (
    'pollux_requests_total{class="2xx",error_type="",model="gemini-2.5-flash",protocol="openai_chat",route="default"}'
)
SECONDS = 'pollux_request_duration_seconds_count{protocol="openai_chat",route="default",stream="true"}'


def test_scrape_of_any_worker_tells_of_all_and_never_falls():
    """Field notes T-MET: the sum over workers, and kill -9 of one."""
    shared = SharedMetrics()
    first, second = Worker(shared, 0), Worker(shared, 1)
    try:
        first.serve(3)
        second.serve(4)
        both = first.scrape()
        assert both == {**second.scrape(), **both}
        assert (both[REQUESTS], both[SECONDS], both["pollux_workers"]) == (7, 7, 2)
        assert both['pollux_requests_in_flight{route="default"}'] == 2
        assert both['pollux_upstream_connections{state="idle",upstream="gemini_api"}'] == 4
        assert both['pollux_credentials{state="ready",upstream="gemini_api"}'] == 4

        second.kill()
        shared.dead(1)
        left = first.scrape()
        assert (left[REQUESTS], left[SECONDS], left["pollux_workers"]) == (7, 7, 1)
        assert left['pollux_requests_in_flight{route="default"}'] == 1
        assert left['pollux_credentials{state="ready",upstream="gemini_api"}'] == 4

        files = set(shared.directory.iterdir())
        second = Worker(shared, 1)
        second.serve(1)
        after = first.scrape()
        assert (after[REQUESTS], after["pollux_workers"]) == (8, 2)
        assert len(set(shared.directory.iterdir()) - files) == 2, "only the dead worker's gauges come back"
    finally:
        first.end()
        second.end()
        shared.remove()
    assert not shared.directory.exists()


def test_resident_memory_is_told_in_bytes():
    rss = resident()
    assert rss is None or 5e6 < rss < 5e9


def test_calls_to_the_store_are_counted_by_what_was_done_and_errors_from_none_on():
    meter = PrometheusMeter()
    meter.stored("redis", "take", 0.002, False)
    assert 'pollux_store_errors_total{store="redis"} 0.0' in meter.exposition()[1].decode()
    meter.stored("redis", "write", 1.5, True)
    shown = meter.exposition()[1].decode()
    assert 'pollux_store_errors_total{store="redis"} 1.0' in shown
    assert 'pollux_store_seconds_bucket{le="0.0025",op="take",store="redis"} 1.0' in shown
    assert 'pollux_store_seconds_sum{op="write",store="redis"} 1.5' in shown


def test_scrape_passes_over_the_files_of_a_worker_that_is_just_starting():
    shared = SharedMetrics()
    worker = Worker(shared, 0)
    try:
        worker.serve(3)
        for kind in ("counter", "histogram", "gauge_livesum"):
            (shared.directory / f"{kind}_1.db").touch()
        assert worker.scrape()[REQUESTS] == 3
    finally:
        worker.kill()
        shared.remove()
