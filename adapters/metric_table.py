"""Every metric as data: its name, type, labels, buckets, and what it tells an operator."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from pipeline.gaps import BOUNDS

Kind = Literal["counter", "gauge", "histogram"]
Mode = Literal["livesum", "livemostrecent"]

_DURATION = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
_FIRST_CHUNK = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 7.5, 10, 20, 40, 60)
_CONNECT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_QUEUE_WAIT = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STORE = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_OVERHEAD = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
_TOKEN = (0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class Metric(Struct, frozen=True):
    """One metric.

    Shape: `mode` says how the gauges of several workers become one: summed, or the latest; dead ones do not count.
    Units: in the name, as Prometheus asks: seconds and bytes.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    mode: Mode = "livesum"


METRICS = (
    Metric(
        "pollux_requests_total",
        "counter",
        "Requests by how they ended; error_type is empty for a complete answer.",
        ("route", "protocol", "model", "class", "error_type"),
    ),
    Metric(
        "pollux_request_duration_seconds",
        "histogram",
        "From the request's head to the answer's last byte.",
        ("route", "protocol", "stream"),
        _DURATION,
    ),
    Metric(
        "pollux_time_to_first_chunk_seconds",
        "histogram",
        "From the request's head to the first event of a stream.",
        ("route", "model"),
        _FIRST_CHUNK,
    ),
    Metric(
        "pollux_overhead_seconds",
        "histogram",
        "Phase pre: from the request's head to its first call to upstream; waits in a queue or for a token included.",
        ("route", "phase"),
        _OVERHEAD,
    ),
    Metric(
        "pollux_time_per_output_token_seconds",
        "histogram",
        "Of complete streams: from the first event to the end, by token of the answer (thoughts excluded).",
        ("model",),
        _TOKEN,
    ),
    Metric(
        "pollux_inter_chunk_seconds",
        "histogram",
        "Silences between two events of a stream, heartbeats left out; counted when the stream has ended.",
        ("route",),
        BOUNDS,
    ),
    Metric("pollux_stream_end_total", "counter", "Streams by why they ended.", ("route", "reason")),
    Metric("pollux_requests_in_flight", "gauge", "Requests under way, streams included.", ("route",)),
    Metric("pollux_streams_open", "gauge", "Streams under way.", ("route",)),
    Metric("pollux_queue_depth", "gauge", "Requests that wait for their turn at a model.", ("route",)),
    Metric(
        "pollux_queue_wait_seconds",
        "histogram",
        "Time that requests waited for their turn, by how that ended: admitted, timeout or gone.",
        ("route", "outcome"),
        _QUEUE_WAIT,
    ),
    Metric(
        "pollux_upstream_attempts_total",
        "counter",
        "Calls to upstream by result: ok, or an error_type.",
        ("upstream", "model", "result"),
    ),
    Metric(
        "pollux_upstream_attempts_per_request",
        "histogram",
        "How many calls to upstream a request took.",
        ("route",),
        (1, 2, 3, 4, 6, 8, 12),
    ),
    Metric(
        "pollux_retries_total",
        "counter",
        "Calls to upstream that failed and were followed by another, by the failure's error_type.",
        ("route", "reason"),
    ),
    Metric(
        "pollux_upstream_time_to_headers_seconds",
        "histogram",
        "From a call to upstream to the head of its reply, a new connection included.",
        ("upstream",),
        _FIRST_CHUNK,
    ),
    Metric(
        "pollux_credential_requests_total",
        "counter",
        "Calls to upstream by credential and result: ok, rate, quota, auth or error; of the 200 used first.",
        ("cred", "result"),
    ),
    Metric(
        "pollux_credential_cooldowns_total",
        "counter",
        "Refusals that made a credential rest, wholly or for a model, by error_type.",
        ("upstream", "reason"),
    ),
    Metric(
        "pollux_quota_remaining_ratio",
        "gauge",
        "What is left of a quota that is configured or learnt, from 1 to 0; of the 200 that were used first.",
        ("project", "model", "quota"),
        mode="livemostrecent",
    ),
    Metric(
        "pollux_quota_reset_timestamp_seconds",
        "gauge",
        "When a quota is whole again.",
        ("project", "model", "quota"),
        mode="livemostrecent",
    ),
    Metric("pollux_credentials", "gauge", "Credentials by state.", ("upstream", "state"), mode="livemostrecent"),
    Metric(
        "pollux_tokens_total",
        "counter",
        "Tokens as upstream counted them; the types do not overlap (input excludes cached_input).",
        ("model", "type"),
    ),
    Metric("pollux_usage_source_total", "counter", "Answers by where their token counts came from.", ("source",)),
    Metric("pollux_upstream_connections", "gauge", "Connections to upstream by state.", ("upstream", "state")),
    Metric(
        "pollux_upstream_connect_seconds",
        "histogram",
        "Time to open a connection, TLS included.",
        ("upstream", "tls"),
        _CONNECT,
    ),
    Metric("pollux_event_loop_lag_seconds", "histogram", "How late a timer of the event loop fires.", (), _LAG),
    Metric("pollux_token_refresh_total", "counter", "OAuth token refreshes by result.", ("upstream", "result")),
    Metric(
        "pollux_store_seconds",
        "histogram",
        "Calls to the state store, those that failed too; no request waits for them.",
        ("store", "op"),
        _STORE,
    ),
    Metric("pollux_store_errors_total", "counter", "Calls to the state store that failed.", ("store",)),
    Metric("pollux_write_behind_depth", "gauge", "Keys of state that wait to be written.", ("store",)),
    Metric(
        "pollux_write_behind_dropped_total", "counter", "Writes of state refused because too many wait.", ("store",)
    ),
    Metric("pollux_worker_rss_bytes", "gauge", "Resident memory.", ("worker",), mode="livemostrecent"),
    Metric("pollux_workers", "gauge", "Worker processes alive."),
    Metric("pollux_worker_restarts_total", "counter", "Workers started in the place of one that died."),
    Metric(
        "pollux_auth_failures_total",
        "counter",
        "Callers not let in: missing, wrong, disabled or expired key; wrong panel password or locked_out.",
        ("surface", "reason"),
    ),
    Metric(
        "pollux_limit_rejections_total",
        "counter",
        "Requests refused by a limit of ours: one of a key, or a model's queue.",
        ("limit", "scope", "mode"),
    ),
    Metric(
        "pollux_ssrf_blocked_total",
        "counter",
        "URLs of callers that were not fetched: for their form (url), a host not allowed, or a private address.",
        ("reason",),
    ),
    Metric("pollux_admin_lockouts_total", "counter", "Addresses locked out for guessing at the panel password."),
    Metric("pollux_config_reloads_total", "counter", "Configurations read anew by result: ok or failed.", ("result",)),
    Metric(
        "pollux_config_last_success_timestamp_seconds",
        "gauge",
        "When the configuration in effect was taken over.",
        mode="livemostrecent",
    ),
    Metric(
        "pollux_config_hash_info",
        "gauge",
        "1 for the configuration in effect, 0 for those before; secrets are not in the hash.",
        ("hash",),
        mode="livemostrecent",
    ),
    Metric(
        "pollux_metrics_series",
        "gauge",
        "Combinations of labels in use by the worker that was scraped; a histogram's is several series.",
        mode="livemostrecent",
    ),
    Metric(
        "pollux_metrics_series_dropped_total",
        "counter",
        "Figures counted under __overflow__ because the label's budget is spent.",
        ("label",),
    ),
    Metric(
        "pollux_build_info",
        "gauge",
        "Always 1; the labels say what is running.",
        ("version", "python", "loop"),
        mode="livemostrecent",
    ),
)

TOKEN_TYPES = ("input", "cached_input", "output", "thoughts", "tool_use")
