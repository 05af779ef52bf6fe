"""All settings with their defaults. What each means to an operator is said in proxy.toml, which shows all."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct, field

from pipeline.scheduling import API_KEYS_FIRST, StrategyName
from pipeline.windows import PACIFIC, zone_of

BaseUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$", description="an http:// or https:// URL")]
ProxyUrl = Annotated[
    str, Meta(pattern=r"^$|^(https?|socks5h?)://[^\s/]+/?$", description="an http:// or socks5:// URL")
]
StoreUrl = Annotated[
    str,
    Meta(
        pattern=r"^$|^memory:$|^(rediss?(\+(sentinel|cluster))?|postgres(ql)?|mongodb(\+srv)?)://\S+$",
        description="a redis://, postgresql:// or mongodb:// URL",
    ),
]
Bind = Annotated[
    str,
    Meta(
        pattern=r"^$|^\S+:(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$",
        description="host:port, with a port of 65535 at most",
    ),
]
Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
Status = Annotated[int, Meta(ge=400, le=599)]
Count = Annotated[int, Meta(ge=0)]
Weight = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of proxy.toml. What is secret, or may hold a password, never shows in a repr."""

    secrets: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        values = msgspec.structs.asdict(self)
        shown = (f"{name}={'***' if name in self.secrets and values[name] else repr(values[name])}" for name in values)
        return f"{type(self).__name__}({', '.join(shown)})"


class Server(Section, frozen=True):
    """The listener and what it accepts. Units: seconds, bytes."""

    host: str = "127.0.0.1"
    port: Port = 7861
    workers: Positive = 1
    engine: Literal["hypercorn", "granian"] = "hypercorn"
    max_body_bytes: Positive = 64 * 1024 * 1024
    idle_timeout: Seconds = 60.0
    body_timeout: Seconds = 60.0
    send_timeout: Seconds = 60.0
    grace: Seconds = 30.0
    heartbeat: Seconds = 15.0
    cors: list[str] = field(default_factory=list)
    server_timing: bool = False
    max_memory_bytes: Count = 0
    max_memory_share: Share = 0.9


class Auth(Section, frozen=True):
    """The two passwords; an empty one is generated at the first start."""

    secrets: ClassVar[frozenset[str]] = frozenset({"api_password", "panel_password"})

    api_password: str = ""
    panel_password: str = ""


class Storage(Section, frozen=True):
    """Where credentials and state rest."""

    secrets: ClassVar[frozenset[str]] = frozenset({"url"})

    credentials_dir: str = "./creds"
    data_dir: str = "./data"
    url: StoreUrl = ""
    database: str = ""
    load_env_credentials: bool = False


class Priorities(Section, frozen=True):
    """Which kinds of credentials serve before others: lower numbers first."""

    gemini_api: int = API_KEYS_FIRST["gemini_api"]
    vertex_express: int = API_KEYS_FIRST["vertex_express"]
    code_assist: int = API_KEYS_FIRST["code_assist"]
    vertex: int = API_KEYS_FIRST["vertex"]


class Scheduling(Section, frozen=True):
    """Which credential serves next, and when one is taken out. Units: `max_wait` and `breaker_pause` in seconds."""

    strategy: StrategyName = "rotation"
    calls_per_rotation: Positive = 10
    concurrency: Count = 0
    max_wait: Seconds = 0.0
    breaker_faults: Count = 5
    breaker_pause: Seconds = 30.0
    reset_zone: str = PACIFIC
    priorities: Priorities = field(default_factory=Priorities)
    weights: dict[str, Weight] = field(default_factory=dict)
    auto_ban: bool = True
    auto_ban_codes: list[Status] = field(default_factory=lambda: [403])

    def __post_init__(self) -> None:
        zone_of(self.reset_zone)


class Endpoints(Section, frozen=True):
    """Base URLs of Google's services; a path of their own is kept."""

    code_assist: BaseUrl = "https://cloudcode-pa.googleapis.com"
    gemini_api: BaseUrl = "https://generativelanguage.googleapis.com"
    vertex: BaseUrl = "https://aiplatform.googleapis.com"
    oauth: BaseUrl = "https://oauth2.googleapis.com"
    accounts: BaseUrl = "https://accounts.google.com"
    googleapis: BaseUrl = "https://www.googleapis.com"
    resource_manager: BaseUrl = "https://cloudresourcemanager.googleapis.com"
    service_usage: BaseUrl = "https://serviceusage.googleapis.com"
    metadata: BaseUrl = "http://metadata.google.internal"

    def __post_init__(self) -> None:
        for name, url in msgspec.structs.asdict(self).items():
            msgspec.structs.force_setattr(self, name, url.rstrip("/"))


class Timeouts(Section, frozen=True):
    """How long the way to Google may stay silent. Units: seconds."""

    connect: Seconds = 10.0
    first_byte: Seconds = 300.0
    idle: Seconds = 120.0
    keep_alive: Seconds = 50.0


class Upstream(Section, frozen=True):
    """How Google is reached."""

    secrets: ClassVar[frozenset[str]] = frozenset({"proxy"})

    proxy: ProxyUrl = ""
    user_agent: str = "pollux/{version}"
    location: str = "global"
    endpoints: Endpoints = field(default_factory=Endpoints)
    timeouts: Timeouts = field(default_factory=Timeouts)


class OAuth(Section, frozen=True):
    """The OAuth client of credentials that name none."""

    secrets: ClassVar[frozenset[str]] = frozenset({"client_secret"})

    client_id: str = ""
    client_secret: str = ""


class Logging(Section, frozen=True):
    """What is logged, where and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file: str = ""
    format: Literal["auto", "console", "json"] = "auto"


class Metrics(Section, frozen=True):
    """Where /metrics is served."""

    bind: Bind = ""


class Jobs(Section, frozen=True):
    """What is done from time to time. Units: `keep_alive_interval` in seconds, the others in days."""

    keep_alive_url: Annotated[str, Meta(pattern=r"^$|^https?://[^\s/]+(/\S*)?$", description="an http(s):// URL")] = ""
    keep_alive_interval: Annotated[float, Meta(ge=1)] = 600.0
    credential_health: bool = False
    credential_clean_up: bool = False
    dead_after: Positive = 30
    prune: bool = True
    keep_logs: Positive = 30


class Settings(Section, frozen=True):
    """Everything of proxy.toml but pipelines and routes."""

    server: Server = field(default_factory=Server)
    auth: Auth = field(default_factory=Auth)
    storage: Storage = field(default_factory=Storage)
    scheduling: Scheduling = field(default_factory=Scheduling)
    upstream: Upstream = field(default_factory=Upstream)
    oauth: OAuth = field(default_factory=OAuth)
    logging: Logging = field(default_factory=Logging)
    metrics: Metrics = field(default_factory=Metrics)
    jobs: Jobs = field(default_factory=Jobs)
