"""Prometheus metrics: counted in this process, or in files that all workers share."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, exposition, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from adapters.label_budget import OVERFLOW, UNKNOWN, LabelBudget
from adapters.metric_table import METRICS, TOKEN_TYPES, Metric
from adapters.outcome import OTHER, error_type_of, status_of, stream_end_of
from adapters.refusal_figures import count_refusal
from pipeline.errors import ERROR_TYPES, ProxyError
from pipeline.queueing import NOTE

if TYPE_CHECKING:
    from pipeline.exchange import Chunk, Exchange
    from pipeline.gaps import Gaps

Count = Callable[[float], None]
Labels = tuple[str, ...]

__all__ = ["OVERFLOW", "UNKNOWN_MODEL", "PrometheusMeter", "SharedMetrics"]

UNKNOWN_MODEL = UNKNOWN
"""The `model` of names that never were answered, and so may be anything."""

_CREDENTIALS = 200
_SILENCES = "pollux_inter_chunk_seconds"

_RESULTS = ERROR_TYPES | {"ok"}
_ANSWERED = frozenset({"generate", "embed", "batch_embed"})


_OF_CREDENTIAL = {
    "ok": "ok",
    "provider_rate_limit": "rate",
    "provider_quota_day": "quota",
    "provider_auth": "auth",
    "provider_terms": "auth",
}
"""What a credential's calls come to; whatever else is not its fault."""


class _EndSeries(NamedTuple):
    """What the end of an exchange is counted in, for one combination of labels."""

    requests: Count
    duration: Timing
    attempts: Count
    usage: Count
    no_usage: Count


class Timing(Protocol):
    """Observes in a histogram; with an exemplar, the one request to look at."""

    def __call__(self, amount: float, exemplar: dict[str, str] | None = None) -> None: ...


class Silences(Histogram):
    """A histogram that takes a whole stream at once: its class counts one observation in less than it takes to make."""

    def take(self, gaps: Gaps) -> None:
        """Count all silences of a stream."""
        self._sum.inc(gaps.total)
        for bucket, number in zip(self._buckets, gaps.counts, strict=True):
            if number:
                bucket.inc(number)


class SharedMetrics:
    """The directory in which the workers' metrics meet; the parent process makes it and removes it.

    Why: files are named by worker and not by process, so a worker that takes a dead one's place goes on counting where
    that one stopped: totals never fall, and restarts leave no files behind.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pollux-metrics-"))

    def dead(self, worker: int) -> None:
        """Forget the gauges of a worker that has died; what it counted stays."""
        _forget_gauges(self.directory, worker)

    def remove(self) -> None:
        """Remove the directory, after the last worker."""
        rmtree(self.directory, ignore_errors=True)


class PrometheusMeter:
    """Counts for Prometheus; `pipeline.ports.Meter`.

    Shape: `models` are names that always get series of their own; up to `model_budget` more earn theirs by being
        answered once. With `shared`, figures are those of all workers; one such meter can exist in a process.
    """

    def __init__(
        self,
        models: Iterable[str] = (),
        *,
        model_budget: int = 100,
        shared: Path | None = None,
        worker: int = 0,
    ) -> None:
        if shared is not None:
            _join(shared, worker)
        # A time stamp per series would double what is scraped and stored.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._shared = shared
        self._registry = CollectorRegistry()
        self._metrics = {metric.name: _made(metric, self._registry) for metric in METRICS}
        self._children: dict[tuple[str, Labels], Count] = {}
        self._ends: dict[tuple[str, str, str, int, str, bool], _EndSeries] = {}
        self._attempts: dict[Labels, Count] = {}
        self._tokens: dict[str, tuple[Count, ...]] = {}
        self._silences: dict[str, Silences] = {}
        self._config = ""
        self._callings: dict[tuple[str, str], Count] = {}
        dropped = "pollux_metrics_series_dropped_total"
        self._models = LabelBudget(models, model_budget, self.child(dropped, "model"))
        self._creds = LabelBudget((), _CREDENTIALS, self.child(dropped, "cred"))

    def done(self, x: Exchange, outcome: BaseException | None) -> None:
        error_type = error_type_of(outcome)
        model = self._models.label(x.model, earned=outcome is None)
        # PERF: children are looked up once per combination: labels() costs more than counting (benchmarks/unary.py).
        key = (x.route, x.dialect.name, model, status_of(x, outcome), error_type, x.stream)
        series = self._ends.get(key) or self._end(*key)
        series.requests(1)
        now, exemplar = time.monotonic(), self._exemplar(x)
        series.duration(now - x.started, exemplar)
        if x.attempts:
            series.attempts(x.attempts)
        if x.stream:
            if x.first_byte:
                first = cast("Timing", self.child("pollux_time_to_first_chunk_seconds", x.route, model))
                first(x.first_byte - x.started, exemplar)
                if outcome is None and (tokens := x.usage.get("candidatesTokenCount") or 0):
                    self.child("pollux_time_per_output_token_seconds", model)((now - x.first_byte) / tokens)
            if x.gaps is not None:
                (self._silences.get(x.route) or self._silent(x.route)).take(x.gaps)
            if reason := stream_end_of(x, outcome):
                self.child("pollux_stream_end_total", x.route, reason)(1)
        if NOTE in x.notes:
            wait = x.notes[NOTE]
            self.child("pollux_queue_wait_seconds", x.route, wait.outcome)(wait.seconds)
        if outcome is None and x.operation in _ANSWERED:
            (series.usage if x.usage else series.no_usage)(1)
        if isinstance(outcome, ProxyError):
            count_refusal(self.child, x, outcome)

    def attempted(self, upstream: str, model: str, result: str, credential: str) -> None:
        self._called(credential, result)
        key = (upstream, self._models.label(model, earned=result == "ok"), result)
        count = self._attempts.get(key)
        if count is None:
            known = result if result in _RESULTS else OTHER
            count = self.child("pollux_upstream_attempts_total", *key[:2], known)
            if known == result:
                self._attempts[key] = count
        count(1)

    def retried(self, route: str, reason: str) -> None:
        self.child("pollux_retries_total", route, reason if reason in _RESULTS else OTHER)(1)

    def sent(self, route: str, seconds: float) -> None:
        self.child("pollux_overhead_seconds", route, "pre")(seconds)

    def headed(self, upstream: str, seconds: float) -> None:
        self.child("pollux_upstream_time_to_headers_seconds", upstream)(seconds)

    def tokens(self, model: str, usage: Chunk) -> None:
        name = self._models.label(model)
        counts = self._tokens.get(name)
        if counts is None:
            counts = tuple(self.child("pollux_tokens_total", name, kind) for kind in TOKEN_TYPES)
            self._tokens[name] = counts
        for count, number in zip(counts, _by_type(usage), strict=True):
            if number > 0:
                count(number)

    def connected(self, upstream: str, tls: bool, seconds: float) -> None:
        """Count one connection opened to upstream."""
        self.child("pollux_upstream_connect_seconds", upstream, "true" if tls else "false")(seconds)

    def refreshed(self, upstream: str, result: str) -> None:
        """Count one token refresh: `ok` or an error_type."""
        known = result if result in _RESULTS else OTHER
        self.child("pollux_token_refresh_total", upstream, known)(1)

    def cooled(self, upstream: str, reason: str) -> None:
        """Count one refusal that made a credential rest."""
        self.child("pollux_credential_cooldowns_total", upstream, reason if reason in _RESULTS else OTHER)(1)

    def blocked(self, reason: str) -> None:
        """Count one URL of a caller's that is not fetched."""
        self.child("pollux_ssrf_blocked_total", reason)(1)

    def stored(self, store: str, op: str, seconds: float, failed: bool) -> None:
        """Count one call to the state store."""
        self.child("pollux_store_seconds", store, op)(seconds)
        self.child("pollux_store_errors_total", store)(failed)  # none yet is a series too, so that rates see the first

    def running(self, version: str, loop: str) -> None:
        """Say what is running: Pollux's version and the event loop's name."""
        self.child("pollux_build_info", version, platform.python_version(), loop)(1)

    def configured(self, config: str) -> None:
        """Say which configuration is in effect: its hash."""
        if self._config:
            self.child("pollux_config_hash_info", self._config)(0)
        self._config = config
        self.child("pollux_config_hash_info", config)(1)

    def child(self, name: str, *labels: str) -> Count:
        """Return what counts in one series: adds to a counter, sets a gauge, observes in a histogram."""
        found = self._children.get((name, labels))
        if found is None:
            found = self._children[name, labels] = _counting(self._metrics[name], labels)
        return found

    def exposition(self, accept: str = "") -> tuple[str, bytes]:
        """Return the content type that suits the scraper, and all figures in it."""
        self.child("pollux_metrics_series")(len(self._children))
        encode, content_type = exposition.choose_encoder(accept)
        if self._shared is None:
            return content_type, encode(self._registry)
        gathered = CollectorRegistry()
        _Workers(gathered, str(self._shared))  # type: ignore[no-untyped-call]
        return content_type, encode(gathered)

    async def scrape(self, accept: str = "") -> tuple[str, bytes]:
        """Return the exposition, rendered where it keeps no request waiting."""
        return await asyncio.to_thread(self.exposition, accept)

    def _end(self, route: str, protocol: str, model: str, status: int, error_type: str, stream: bool) -> _EndSeries:
        kind, streamed = f"{status // 100}xx", "true" if stream else "false"
        found = _EndSeries(
            self.child("pollux_requests_total", route, protocol, model, kind, error_type),
            cast("Timing", self.child("pollux_request_duration_seconds", route, protocol, streamed)),
            self.child("pollux_upstream_attempts_per_request", route),
            self.child("pollux_usage_source_total", "upstream"),
            self.child("pollux_usage_source_total", "missing"),
        )
        self._ends[route, protocol, model, status, error_type, stream] = found
        return found

    def _silent(self, route: str) -> Silences:
        self.child(_SILENCES, route)  # so that it is among those that are counted
        found = self._silences[route] = cast("Silences", self._metrics[_SILENCES].labels(route))
        return found

    def _called(self, credential: str, result: str) -> None:
        key = (self._creds.label(credential), _OF_CREDENTIAL.get(result, "error"))
        count = self._callings.get(key)
        if count is None:
            count = self._callings[key] = self.child("pollux_credential_requests_total", *key)
        count(1)

    def _exemplar(self, x: Exchange) -> dict[str, str] | None:
        """Name the request that a duration is of; files that workers share have no room for it."""
        return {"trace_id": x.id} if self._shared is None else None


class _Workers(MultiProcessCollector):
    """What all workers have counted; one that is just starting has files with nothing in them yet."""

    def collect(self) -> Any:
        files = [str(file) for file in Path(self._path).glob("*.db") if _is_begun(file)]
        return self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]


def _is_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # gauges of a worker that has just died
        return False


def _by_type(usage: Chunk) -> tuple[int, ...]:
    """Return the numbers of usageMetadata in the order of TOKEN_TYPES. Upstream leaves zeros out."""
    cached = usage.get("cachedContentTokenCount") or 0
    return (
        (usage.get("promptTokenCount") or 0) - cached,
        cached,
        usage.get("candidatesTokenCount") or 0,
        usage.get("thoughtsTokenCount") or 0,
        usage.get("toolUsePromptTokenCount") or 0,
    )


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode=metric.mode)
        case "histogram":
            made = Silences if metric.name == _SILENCES else Histogram
            return made(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


def _counting(metric: Counter | Gauge | Histogram, labels: Labels) -> Count:
    child = metric.labels(*labels) if labels else metric
    if isinstance(child, Counter):
        return cast("Count", child.inc)
    return child.set if isinstance(child, Gauge) else cast("Count", child.observe)


def _join(directory: Path, worker: int) -> None:
    """Count in the shared files of this worker from now on, and go on where one that died in its place stopped.

    Source: https://prometheus.github.io/client_python/multiprocess/ (process_identifier).
    """
    _forget_gauges(directory, worker)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    library: Any = values
    library.ValueClass = library.MultiProcessValue(lambda: worker)


def _forget_gauges(directory: Path, worker: int) -> None:
    mark_process_dead(worker, str(directory))  # type: ignore[no-untyped-call]
