"""How the house is doing."""

from typing import Literal

from msgspec import Struct, field

from adapters.admin.shapes.words import Condition, Epoch


class Login(Struct):
    """The panel password."""

    password: str


class Session(Struct):
    """A session; the token is shown once, to who logged in."""

    by: Literal["session", "password"]
    expires_at: Epoch
    token: str = ""


class RecentError(Struct):
    """A request that failed in the worker that answers."""

    at: Epoch
    request_id: str
    path: str
    model: str
    status: int
    error_type: str
    message: str
    credential: str = ""


class Forecast(Struct):
    """What is left of one quota, and when it will be dry at the present rate.

    Units: `dry_at`, `reset_at` epoch seconds; `dry_at` 0 is not before the reset.
    """

    project: str
    model: str
    quota: str
    limit: int
    used: int
    left: int
    dry_at: Epoch
    reset_at: Epoch


class Overview(Struct):
    """How the house is doing.

    Shape: counts are of the last hour and of all workers; `active` and `recent_errors` are of the worker that
        answers; `credentials` counts by state; while `store` is away, requests are served from memory and state waits.
    """

    status: Literal["ok", "no credential", "draining"]
    store: Literal["ok", "away"]
    store_name: str
    version: str
    started_at: Epoch
    now: Epoch
    worker: int
    workers: int
    active: int
    requests: int
    errors: int
    requests_per_minute: float
    error_share: float
    tokens: dict[str, int]
    credentials: dict[Condition, int]
    recent_errors: list[RecentError]
    forecast: list[Forecast]


class Bucket(Struct):
    """What happened in one stretch of time.

    Units: TTFT in seconds, null when nothing streamed.
    """

    at: Epoch
    requests: int = 0
    errors: int = 0
    ttft_p50: float | None = None
    ttft_p90: float | None = None
    ttft_p99: float | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    stream_ends: dict[str, int] = field(default_factory=dict)


class Series(Struct):
    """The last hour, for charts: all workers and machines together, as of a few seconds ago.

    Units: `step` seconds.
    """

    step: int
    buckets: list[Bucket]


class Model(Struct):
    """A model that is really served."""

    name: str
    display_name: str
    input_limit: int
    output_limit: int
    methods: list[str]


class Models(Struct):
    """The models that are really served."""

    models: list[Model]
