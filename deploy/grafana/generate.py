"""Writes the Grafana dashboard from the table of metrics, so that no metric goes unseen: `make dashboard`."""  # noqa: INP001

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from adapters.metric_table import METRICS, Metric

FILE = Path(__file__).parent / "dashboards" / "pollux.json"

ROWS = {
    "Golden signals": (
        "pollux_requests_total",
        "pollux_request_duration_seconds",
        "pollux_time_to_first_chunk_seconds",
        "pollux_requests_in_flight",
        "pollux_queue_depth",
        "pollux_queue_wait_seconds",
        "pollux_overhead_seconds",
        "pollux_limit_rejections_total",
        "pollux_auth_failures_total",
    ),
    "Streams": (
        "pollux_stream_end_total",
        "pollux_streams_open",
        "pollux_inter_chunk_seconds",
        "pollux_time_per_output_token_seconds",
    ),
    "Pool": (
        "pollux_credentials",
        "pollux_quota_remaining_ratio",
        "pollux_quota_reset_timestamp_seconds",
        "pollux_upstream_attempts_total",
        "pollux_upstream_attempts_per_request",
        "pollux_retries_total",
        "pollux_credential_requests_total",
        "pollux_credential_cooldowns_total",
        "pollux_token_refresh_total",
        "pollux_upstream_connections",
        "pollux_upstream_connect_seconds",
        "pollux_upstream_time_to_headers_seconds",
    ),
    "Tokens": ("pollux_tokens_total", "pollux_usage_source_total"),
    "State": (
        "pollux_store_seconds",
        "pollux_store_errors_total",
        "pollux_write_behind_depth",
        "pollux_write_behind_dropped_total",
    ),
    "Process": (
        "pollux_workers",
        "pollux_worker_restarts_total",
        "pollux_worker_rss_bytes",
        "pollux_event_loop_lag_seconds",
        "pollux_config_reloads_total",
        "pollux_config_last_success_timestamp_seconds",
        "pollux_config_hash_info",
        "pollux_build_info",
        "pollux_metrics_series",
        "pollux_metrics_series_dropped_total",
    ),
}
"""Where each metric is shown; those named nowhere make a last row, `More`."""

BY = {
    "pollux_requests_total": ("class", "error_type"),
    "pollux_tokens_total": ("type",),
    "pollux_upstream_attempts_total": ("upstream", "result"),
    "pollux_worker_rss_bytes": ("instance", "worker"),
}
"""The labels that tell the lines of a panel apart, where all of a metric's would be too many or too few."""

TOGETHER = {
    "pollux_credentials": "max",
    "pollux_quota_remaining_ratio": "min",
    "pollux_quota_reset_timestamp_seconds": "1000 * max",
    "pollux_config_last_success_timestamp_seconds": "1000 * min",
    "pollux_metrics_series": "max",
    "pollux_build_info": "max",
}
"""How gauges of replicas that all speak of one thing become one: a sum would count it twice. Grafana's times are in
milliseconds."""

UNITS = {
    "_timestamp_seconds": "dateTimeFromNow",
    "_seconds": "s",
    "_bytes": "bytes",
    "_ratio": "percentunit",
    "_total": "cps",
}
QUANTILES = (0.5, 0.95, 0.99)
HERE = 'job=~"$job", instance=~"$instance"'
WIDTH, COLUMNS = 24, 3
NOT_OUR_FAULT = '!~"provider_invalid_request|provider_safety"'


class Panel(Struct, frozen=True):
    """One picture. Shape: `queries` are (PromQL, legend)."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    about: str = ""


def _rate(name: str, by: str = "", **matching: str) -> str:
    """Write a rate. Shape: `matching` are matchers by label, their operator included: `class_='="5xx"'`."""
    matchers = ", ".join([HERE, *(label.rstrip("_") + matcher for label, matcher in matching.items())])
    return f"sum{by} (rate({name}{{{matchers}}}[$__rate_interval]))"


FAILED = _rate("pollux_requests_total", error_type='=~"provider_.+|proxy_.+|_OTHER"', error_type_=NOT_OUR_FAULT)
BROKEN = _rate("pollux_stream_end_total", reason='=~"upstream_cut|upstream_error|idle_timeout|deadline|_OTHER"')
STAYED = _rate("pollux_stream_end_total", reason='!="client_gone"')
FIRST = _rate("pollux_time_to_first_chunk_seconds_bucket", " by (le)")

HEADLINES = tuple(
    Panel(title, ((query, ""),), unit, "stat")
    for title, query, unit in (
        ("Requests", _rate("pollux_requests_total"), "reqps"),
        ("Failed, not by the caller's fault", f"{FAILED} / {_rate('pollux_requests_total')}", "percentunit"),
        ("First event, p95", f"histogram_quantile(0.95, {FIRST})", "s"),
        ("Streams broken", f"{BROKEN} / {STAYED}", "percentunit"),
        ("Credentials ready", f'sum(max by (upstream) (pollux_credentials{{{HERE}, state="ready"}}))', "short"),
        ("Tokens a second", _rate("pollux_tokens_total"), "short"),
    )
)
"""What tells at a glance whether all is well."""


def panel(metric: Metric) -> Panel:
    """Return the picture of a metric: rates of a counter, levels of a gauge, quantiles of a histogram."""
    by = BY.get(metric.name, metric.labels)
    grouped = f" by ({', '.join(by)})" if by else ""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    title = metric.name.removeprefix("pollux_").replace("_", " ")
    unit = next((unit for suffix, unit in UNITS.items() if metric.name.endswith(suffix)), "short")
    return Panel(title, _queries(metric, grouped, legend), unit, about=f"{metric.name}: {metric.help}")


def _queries(metric: Metric, grouped: str, legend: str) -> tuple[tuple[str, str], ...]:
    if metric.kind == "histogram":
        buckets = _rate(f"{metric.name}_bucket", " by (le)")
        return tuple((f"histogram_quantile({q}, {buckets})", f"p{q * 100:g}") for q in QUANTILES)
    if metric.kind == "counter":
        return ((_rate(metric.name, grouped), legend),)
    total = TOGETHER.get(metric.name, "sum")
    return ((f"{total}{grouped} ({metric.name}{{{HERE}}})", legend),)


def dashboard() -> dict[str, Any]:
    """Return the whole dashboard in Grafana's form."""
    known = {metric.name: metric for metric in METRICS}
    placed = {name for names in ROWS.values() for name in names}
    rows = {**ROWS, "More": tuple(name for name in known if name not in placed)}
    pictures = {title: [panel(known[name]) for name in names] for title, names in rows.items() if names}
    return {
        "uid": "pollux",
        "title": "Pollux",
        "tags": ["pollux"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_SOURCE, _variable("job", "pollux_workers"), _variable("instance", OF_THE_JOB)]},
        "panels": _laid_out({"At a glance": list(HEADLINES), **pictures}),
    }


OF_THE_JOB = 'pollux_workers{job=~"$job"}'
_SOURCE = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
_USED = {"type": "prometheus", "uid": "${datasource}"}


def _variable(label: str, metric: str) -> dict[str, Any]:
    return {
        "name": label,
        "type": "query",
        "datasource": _USED,
        "query": f"label_values({metric}, {label})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _laid_out(rows: dict[str, list[Panel]]) -> list[dict[str, Any]]:
    """Place rows of panels on Grafana's grid: headlines all abreast, other pictures three."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in rows.items():
        placed.append(
            {"id": len(placed) + 1, "type": "row", "title": title, "panels": [], "gridPos": _at(0, y, WIDTH, 1)}
        )
        abreast, height = (len(panels), 4) if panels[0].kind == "stat" else (COLUMNS, 8)
        width = WIDTH // abreast
        for index, each in enumerate(panels):
            line, column = divmod(index, abreast)
            place = _at(column * width, y + 1 + line * height, width, height)
            placed.append({"id": len(placed) + 1, **_drawn(each), "gridPos": place})
        y += 1 + -(-len(panels) // abreast) * height
    return placed


def _at(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _drawn(each: Panel) -> dict[str, Any]:
    return {
        "type": each.kind,
        "title": each.title,
        "description": each.about,
        "datasource": _USED,
        # Nothing has failed yet: there is no series, and that is zero.
        "fieldConfig": {"defaults": {"unit": each.unit, "min": 0, "noValue": "0"}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend or "__auto"}
            for index, (query, legend) in enumerate(each.queries)
        ],
    }


def written() -> str:
    """Return the dashboard as the text of its file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
