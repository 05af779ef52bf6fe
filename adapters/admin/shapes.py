"""What the admin API takes and gives: the documents that its OpenAPI description is made from."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Action = Literal["enable", "disable", "delete", "verify", "email"]
Condition = Literal["ready", "cooling", "exhausted", "refreshing", "disabled", "quarantined"]
Scope = Literal["credential", "model", "key"]
Level = Literal["debug", "info", "warning", "error"]
Epoch = Annotated[float, Meta(description="epoch seconds; 0 is never")]
Amount = Annotated[int, Meta(ge=0, le=2**48, description="0 is no limit")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Fault(Struct, omit_defaults=True):
    """What was wrong. Shape: `code` is for programs, `field` names the part of the request that is to blame."""

    code: str
    message: str
    field: str = ""


class Error(Struct):
    """The answer of whatever failed."""

    error: Fault


class Ok(Struct):
    """It is done; there is nothing else to say."""

    ok: bool = True


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
    """What is left of one quota, and when it will be dry at the present rate. Units: `dry_at`, `reset_at` epoch
    seconds; `dry_at` 0 is not before the reset."""

    kind: str
    project: str
    model: str
    quota: str
    limit: int
    used: int
    left: int
    dry_at: Epoch
    reset_at: Epoch


class Overview(Struct):
    """How the house is doing. Shape: counts are of the last hour and of all workers; `active` and `recent_errors` are
    of the worker that answers; `credentials` counts by state."""

    status: Literal["ok", "no credential", "draining"]
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
    """What happened in one stretch of time. Units: TTFT in seconds, null when nothing streamed."""

    at: Epoch
    requests: int = 0
    errors: int = 0
    ttft_p50: float | None = None
    ttft_p90: float | None = None
    ttft_p99: float | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    stream_ends: dict[str, int] = field(default_factory=dict)


class Series(Struct):
    """The last hour, for charts: all workers and machines together, as of a few seconds ago. Units: `step` seconds."""

    step: int
    buckets: list[Bucket]


class Rest(Struct):
    """A cooldown. Shape: `model` is empty where it is for all models."""

    model: str
    until: Epoch
    why: str
    reason: str


class Unit(Struct):
    """One credential with one of its projects: what is scheduled."""

    id: str
    project: str
    state: Condition
    reason: str
    rests: list[Rest]
    active: int
    calls: int
    failures: int


class Usage(Struct):
    """What was counted. Shape: `tokens` by type; `models` are calls and cost of each model, for keys only."""

    calls: int = 0
    ok: int = 0
    cost: int = 0
    success_rate: float = 1.0
    tokens: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, int]] = field(default_factory=dict)


class Credential(Struct):
    """One credential, free of secrets. Shape: `state` is the best of its units'; `error_codes` are the statuses that
    Google last gave it; `removable` is false for those that come from the environment; `cooling_until` is the
    earliest end of its cooldowns, 0 for none."""

    id: str
    kind: str
    state: Condition
    reason: str
    email: str
    tier: str
    projects: list[str]
    source: str
    removable: bool
    cooling_until: Epoch
    error_codes: list[int]
    last_success: Epoch
    units: list[Unit]
    today: Usage
    total: Usage


class Credentials(Struct):
    """All credentials."""

    credentials: list[Credential]


class NewCredentials(Struct):
    """Credentials to keep: JSON, API keys one per line, or base64 of either, as text. `name` names what has no name."""

    text: Annotated[str, Meta(min_length=1)]
    name: str = ""


class Added(Struct):
    """What became of one entry. Shape: `reason` says why it was refused."""

    entry: str
    result: Literal["added", "known", "refused"]
    id: str = ""
    kind: str = ""
    reason: str = ""


class Upload(Struct):
    """What became of everything that was sent."""

    added: int
    known: int
    refused: int
    results: list[Added]


class Done(Struct):
    """What became of one credential. Shape: `error` is empty when it went well; `email` and `tier` where asked for."""

    id: str
    error: str = ""
    email: str = ""
    tier: str = ""


class Batch(Struct):
    """One action for many credentials."""

    action: Action
    ids: Annotated[list[Name], Meta(min_length=1, max_length=1000)]
    reason: str = ""


class BatchDone(Struct):
    """What became of each."""

    succeeded: int
    results: list[Done]


class Reason(Struct):
    """Why a credential is taken out of use."""

    reason: str = ""


class Key(Struct):
    """A client API key; never its secret. Shape: `used_*` are in cost units."""

    id: str
    mask: str
    description: str
    created: Epoch
    enabled: bool
    expires: Epoch
    total_quota: int
    daily_quota: int
    rpm: int
    tpm: int
    concurrency: int
    models: list[str]
    used_total: int
    used_today: int
    usage: Usage


class Keys(Struct):
    """All client API keys."""

    keys: list[Key]


class KeyOptions(Struct, omit_defaults=True):
    """What a key is good for. What is left out stays as it is, or is unlimited for a new key."""

    description: Annotated[str, Meta(max_length=500)] | None = None
    enabled: bool | None = None
    expires: Epoch | None = None
    total_quota: Amount | None = None
    daily_quota: Amount | None = None
    rpm: Amount | None = None
    tpm: Amount | None = None
    concurrency: Amount | None = None
    models: list[Name] | None = None


class NewKey(Struct):
    """A key that was just made; `secret` is shown this once."""

    secret: str
    key: Key


class Cost(Struct):
    """What one answer of a model costs. Shape: `set_here` is whether it was set at run time and wins over proxy.toml."""

    model: str
    cost: int
    set_here: bool


class Costs(Struct):
    """All costs; a model that is not listed costs `unknown`."""

    costs: list[Cost]
    unknown: int


class CostOption(Struct):
    """The cost of a model's answer."""

    cost: Annotated[int, Meta(ge=0, le=2**31)]


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


class Setting(Struct):
    """One setting. Shape: `path` as `server.port` or `pipeline[3].attempts`; `value` is null for secrets, `is_set`
    tells whether there is one; `locked_by` is the environment variable that holds it; `restart` is whether a change
    waits for a restart; `help` is what the file says beside it."""

    path: str
    group: str
    type: Literal["string", "integer", "number", "boolean", "list", "table"]
    value: Any
    default: Any
    choices: list[str]
    secret: bool
    is_set: bool
    locked_by: str
    restart: bool
    help: str


class Trouble(Struct):
    """Something wrong with a configuration, and where."""

    message: str
    path: str
    line: int
    level: Literal["error", "warning"]


class Configuration(Struct):
    """All settings as they are. Shape: `file` is empty where there is none yet; `restart_needed` are settings that were
    saved and wait for a restart."""

    file: str
    writable: bool
    settings: list[Setting]
    warnings: list[Trouble]
    restart_needed: list[str]


class Changes(Struct):
    """Settings to change, by path; null takes a setting out of the file, so that its default holds."""

    changes: Annotated[dict[str, Any], Meta(min_length=1, max_length=500)]


class Checked(Struct):
    """What a configuration with these changes would be: nothing is saved when `ok` is false."""

    ok: bool
    problems: list[Trouble]


class Saved(Struct):
    """What became of the changes. Shape: `ok` is false, and nothing saved, when there are errors among `problems`."""

    ok: bool
    problems: list[Trouble]
    applied: list[str]
    restart_needed: list[str]
    skipped: list[str]


class StageView(Struct):
    """One stage of a pipeline. Shape: `half` is where it stands; `idle` is whether its options ask for nothing."""

    stage: str
    half: Literal["request", "upstream", "reply"]
    summary: str
    options: dict[str, Any]
    defaults: dict[str, Any]
    needs: list[str]
    gives: list[str]
    idle: bool


class PipelineView(Struct):
    """One pipeline, its stages in the order in which things happen."""

    name: str
    stages: list[StageView]


class RouteView(Struct):
    """Which requests take which pipeline."""

    path: str
    model: str
    pipeline: str


class Pipelines(Struct):
    """All pipelines, and who takes which; what no route fits takes the default one."""

    pipelines: list[PipelineView]
    routes: list[RouteView]


class UsageTable(Struct):
    """What was counted by name. Shape: `day` is empty for all time."""

    scope: Scope
    day: str
    usage: dict[str, Usage]


class UsageHistory(Struct):
    """What was counted for one name by day, the latest first."""

    scope: Scope
    name: str
    days: dict[str, Usage]


class JobRun(Struct):
    """One run of a job. Units: `seconds` it took."""

    at: Epoch
    seconds: float
    ok: bool
    result: str


class Job(Struct):
    """Something that is done from time to time. Shape: `switched` is whether it was switched here, and not by the
    settings; `next` is null where it does not run by itself. Units: `every` in seconds."""

    name: str
    about: str
    every: float
    enabled: bool
    switched: bool
    running: bool
    last: JobRun | None
    next: Epoch | None


class Jobs(Struct):
    """All jobs."""

    jobs: list[Job]


class Switch(Struct):
    """Whether it is on."""

    on: bool


class LogLines(Struct):
    """The latest lines, the oldest first. Shape: `scope` says whose they are."""

    scope: Literal["all workers", "this worker"]
    lines: list[str]


class Watch(Struct):
    """For how many seconds every request is watched; 0 ends it."""

    seconds: Annotated[float, Meta(ge=0, le=600)]


class Span(Struct):
    """What one stage did in one request; the span `relay` is the sending of the answer.

    Units: milliseconds, `start_ms` since the request's head; `event_ms` is what `events` events took in all."""

    stage: str
    start_ms: float
    ms: float
    events: int
    event_ms: float


class Attempt(Struct):
    """One call to Google. Units: milliseconds, `start_ms` since the request's head."""

    credential: str
    project: str
    start_ms: float
    ms: float
    error: str


class Trace(Struct):
    """One request that was watched, stage by stage; `ended` is false while it runs."""

    id: str
    at: Epoch
    worker: int
    route: str
    protocol: str
    method: str
    path: str
    model: str
    stream: bool
    caller: str
    ended: bool
    status: int
    error_type: str
    first_byte_ms: float | None
    total_ms: float
    attempts: list[Attempt]
    spans: list[Span]


class Traces(Struct):
    """The latest requests that were watched by the worker that answers, the latest first."""

    traces: list[Trace]


class OAuthStart(Struct):
    """A login at Google to begin. Shape: `project` where the account's own is to be used; `all_projects` uses every one."""

    project: str = ""
    all_projects: bool = False


class OAuthStarted(Struct):
    """Open `url` in a browser; it leads back to `redirect_uri`, or its address is pasted. `state` names this login."""

    url: str
    state: str
    redirect_uri: str
    expires_at: Epoch


class CallbackUrl(Struct):
    """The address that Google led the browser to, pasted."""

    callback_url: Annotated[str, Meta(min_length=1, max_length=8192)]
    project: str = ""
    all_projects: bool = False


class CloudProject(Struct):
    """A Google Cloud project that an account may use."""

    id: str
    name: str
    number: str


class OAuthOutcome(Struct):
    """How a login stands. Shape: `choose` is one that waits for a project to be chosen from `projects`, by the same
    call again; `error` says why it failed."""

    status: Literal["pending", "completed", "choose", "failed"]
    email: str = ""
    credential: str = ""
    project: str = ""
    projects: list[CloudProject] = field(default_factory=list)
    error: str = ""


class OAuthChoice(Struct):
    """The project for a login that waits for one."""

    state: Name
    project: str = ""
    all_projects: bool = False


class Contribution(Struct):
    """All that a contributor is told. Shape: `ok` is null while it is pending; `error` says why it failed."""

    ok: bool | None
    email: str = ""
    error: str = ""
