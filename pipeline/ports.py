"""What the core expects of the outside world. Adapters and stores implement these; nothing here imports them."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from pipeline.errors import ProxyError, UpstreamError
from pipeline.exchange import Asked, Caller, Chunk, Exchange, Headers, Reply, Request

if TYPE_CHECKING:
    from pipeline.quota import Quotas
    from pipeline.vault import Vault

Decoder = Callable[[bytes], list[Chunk]]
"""Stateful: bytes of one network read in, the events they completed out; `b""` means the end of the bytes."""


class Credential(Struct, kw_only=True, eq=False):
    """A right to call one Google surface. Its secrets never show in a repr.

    Shape: `kind` names the upstream: gemini_api | code_assist | vertex_express | vertex. `projects` lists project ids,
        where `_auto` stands for the one that discovery finds. `extra` keeps what its file held beyond these fields.
        `disabled` is the reason, empty when enabled.
    Units: `expires_at` in epoch seconds.
    """

    id: str
    kind: str
    api_key: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_at: float = 0.0
    client_id: str = ""
    client_secret: str = ""
    token_uri: str = ""
    scopes: list[str] = field(default_factory=list)
    service_account: dict[str, Any] | None = None
    projects: list[str] = field(default_factory=list)
    location: str = ""
    email: str = ""
    source: str = ""
    disabled: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Credential(id={self.id!r}, kind={self.kind!r})"


class Lease(Protocol):
    """The right to use one unit (credential, project) for one model, once. Shape: `failure` is what `fail` was told."""

    credential: Credential
    project: str
    model: str
    failure: UpstreamError | None

    def fail(self, exc: UpstreamError) -> None:
        """Say what this unit met; cools, disables or leaves it as the verdict says."""

    async def close(self, outcome: BaseException | None) -> None:
        """Give the right back, exactly once."""


class Pool(Protocol):
    """The credentials, and which of them serves next."""

    def leases(self, x: Exchange, attempts: int, pause: float) -> AsyncGenerator[Lease, None]:
        """Yield up to that many leases, a different unit each while another is free.

        Units: `pause` is seconds between attempts.
        Errors: NoCredential when nothing could serve, AllCooling (with the earliest retry_after) when all cool.
        """

    async def refreshed(self, credential: Credential) -> None:
        """Keep a credential whose token, project or e-mail changed."""

    def states(self) -> Mapping[tuple[str, str], int]:
        """Count credentials by (upstream, state)."""


class CredentialStore(Protocol):
    """Where credentials rest."""

    async def load(self) -> list[Credential]:
        """Return all credentials, disabled ones too. Errors: StoreError when the store cannot be read."""

    async def save(self, credential: Credential) -> None:
        """Keep what changed on a credential; atomic, fields unknown to us survive."""

    async def add(self, credential: Credential) -> str:
        """Keep a new credential and return its id; the same one twice is one."""

    async def remove(self, credential_id: str) -> bool:
        """Forget a credential; False when there was none. Never touches the file an import came from."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call back soon after the set of credentials changed from outside."""

    async def close(self) -> None:
        """Stop watching."""


class Account(Struct, frozen=True):
    """A counted account: what has been spent of it, and what each holder has out on lease."""

    spent: int = 0
    leased: dict[str, int] = field(default_factory=dict)


class StateStore(Protocol):
    """What outlives the process and is shared by all workers and machines.

    Shape: documents by (kind, key): cooldowns, bans, keys, discovered projects; counters by (kind, key, name): usage;
        accounts by name: quotas that are leased in blocks. Names of accounts end in the window they count for.
    Errors: StoreError from whatever is awaited; what is written behind waits for the store to come back.
    """

    async def load(self, kind: str) -> dict[str, Chunk]:
        """Return all documents of a kind by key."""

    async def get(self, kind: str, key: str) -> Chunk | None:
        """Return one document, also one that was put and is not written yet."""

    def put(self, kind: str, key: str, document: Chunk | None) -> None:
        """Write behind: returns at once; the latest document of a key wins; None removes it."""

    def count(self, kind: str, key: str, amounts: Mapping[str, int]) -> None:
        """Write behind: add to named counters; additions of all workers and machines sum up."""

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        """Return the counters of a kind by key."""

    def discount(self, kind: str, key: str) -> None:
        """Write behind: forget the counters of a key."""

    async def take(self, account: str, holder: str, amount: int, limit: int) -> int:
        """Lease up to that many of what is left of an account; atomic. Return how many were granted."""

    async def settle(self, account: str, holder: str, spent: int, back: int) -> None:
        """Turn leased into spent, and give back what was not used; atomic."""

    async def accounts(self, prefix: str) -> dict[str, Account]:
        """Return the accounts whose names begin so."""

    async def close_account(self, account: str) -> None:
        """Forget an account."""

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        """Be the only one to do something for that long; again extends it for the same holder; 0 lets go."""

    def watch(self, kind: str, changed: Callable[[], None]) -> None:
        """Call back soon after documents of that kind changed in another process."""

    async def flush(self) -> None:
        """Return once everything put and counted so far is durable."""

    async def close(self) -> None:
        """Flush and let go."""


class Origin(Struct, frozen=True):
    """Where a connection leads: what connections are pooled by."""

    scheme: str
    host: str
    port: int


class Call(Struct):
    """One HTTP request to upstream, complete.

    Shape: `target` is path and query; `headers` hold neither host nor content-length: the transport adds them.
    """

    origin: Origin
    target: str
    headers: Headers
    body: bytes = b""
    method: str = "POST"
    stream: bool = False


Take = Callable[[bytes], bool]
"""Takes a piece of bytes as it comes; returns whether it wants the next one already."""


class Answer(Protocol):
    """An upstream's reply: its head is here, its body still comes."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """Return what the next network read brought, decompressed; `b""` at the end.

        Errors: Broken (provider_cut, provider_timeout) when the body ends early or stays silent.
        """

    async def pour(self, take: Take) -> bool:
        """Hand what comes to `take` until the end, then return True; False when it wants no more for now.

        Errors: as `read`, and as `take`.
        """

    async def read_all(self, limit: int = ...) -> bytes:
        """Return the whole rest of the body. Errors: as `read`; Broken when over the limit."""

    def close(self) -> None:
        """Let go: back to the pool when the body was read to its end, else the connection is closed at once."""


class Transport(Protocol):
    """The way to upstream."""

    async def send(self, call: Call) -> Answer:
        """Send the call and return once the reply's head has come. Errors: Broken."""

    async def close(self) -> None:
        """Close all idle connections."""


class Upstream(Protocol):
    """One Google surface: its URLs, headers, envelope and error bodies.

    Shape: `transparent` says that its event bytes are the hub's own form, without an envelope.
    """

    name: str
    transparent: bool
    operations: frozenset[str]

    async def call(self, lease: Lease, x: Exchange, payload: Chunk, stream: bool) -> Call:
        """Build the HTTP request; refreshes the token and finds the project first where needed."""

    def decoder(self, stream: bool) -> Decoder:
        """Return a new decoder for one answer.

        Errors: UpstreamError on an in-band error; its `chunks` are the events of the same batch that came before it.
        """

    def refusal(self, status: int, headers: Headers, body: bytes) -> UpstreamError:
        """Translate a non-200 answer, its verdict included."""

    async def refresh(self, lease: Lease) -> bool:
        """Force one token refresh after a 401; False when this credential has nothing to refresh."""


class Encoder(Protocol):
    """The hub's chunks into one caller's bytes; one encoder per exchange.

    Shape: `transparent` says that upstream's own event bytes may pass in place of encoding.
    """

    headers: Headers
    heartbeat: bytes
    transparent: bool

    def encode(self, chunk: Chunk) -> bytes:
        """Return the bytes this event becomes; may be empty."""

    def finish(self) -> bytes:
        """Return what closes a complete answer (or the whole document, where one is gathered)."""

    def error_event(self, exc: ProxyError) -> bytes:
        """Return the last event of a stream that broke; it ends the stream without claiming completion."""


class Dialect(Protocol):
    """One client protocol; sans-IO."""

    name: str

    def read(self, request: Request) -> Asked:
        """Understand a request. Errors: BadRequest with the field's name, NotFound."""

    def encoder(self, x: Exchange) -> Encoder:
        """Return the encoder for this exchange's answer, by its operation and stream flag."""

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        """Return the list of models (or the single one asked for) as a document."""

    def error(self, exc: ProxyError) -> Reply:
        """The whole reply when nothing has been sent yet."""


class Catalogue(Protocol):
    """The models that are really served."""

    async def models(self) -> list[Chunk]:
        """Return models in Gemini's form (`name`, `displayName`, limits, methods)."""


class Keys(Protocol):
    """Who may call."""

    def caller(self, secret: str) -> Caller | None:
        """Return who holds this key, or None. Takes the same time for every wrong key."""


class Document(Struct, frozen=True):
    """What a URL led to. Shape: `kind` is its media type, by its bytes."""

    kind: str
    data: bytes


class Room(Struct):
    """How much the documents of one request may hold together; what is fetched at the same time shares it.

    Units: bytes.
    """

    size: int
    left: int

    def take(self, count: int) -> bool:
        """Take so much; False when there is less."""
        if count > self.left:
            return False
        self.left -= count
        return True


class FetchRules(Struct, frozen=True):
    """What may be fetched for one request of a caller.

    Shape: `allow` are globs of hosts, `host:port` where it is not 80 or 443; `types` are globs of media types.
    Units: `timeout` is seconds for each document, redirects included.
    """

    allow: list[str]
    room: Room
    timeout: float
    max_redirects: int
    types: list[str]


class Fetcher(Protocol):
    """The way to what a caller's URL names, on the public internet only."""

    async def fetch(self, url: str, rules: FetchRules) -> Document:
        """Return the document. Errors: BadRequest with the reason why there is none."""


class Meter(Protocol):
    """Where figures are counted; every method is cheap and never fails."""

    def done(self, x: Exchange, outcome: BaseException | None) -> None:
        """Count one finished exchange: request, durations, stream end."""

    def attempted(self, upstream: str, model: str, result: str, credential: str) -> None:
        """Count one upstream attempt: `ok` or an error_type."""

    def retried(self, route: str, reason: str) -> None:
        """Count one failed attempt, by its error_type, that another one follows."""

    def sent(self, route: str, seconds: float) -> None:
        """Count how long an exchange took before its first call went upstream."""

    def headed(self, upstream: str, seconds: float) -> None:
        """Count how long a call waited for the head of its reply."""

    def tokens(self, model: str, usage: Chunk) -> None:
        """Count the tokens of one finished answer (its last usageMetadata)."""


class Clock(Protocol):
    """Time, so that tests can hold it still."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def tick(self) -> float:
        """Seconds of a clock that never steps."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Ports(Struct):
    """Everything a stage may reach when it is built."""

    pool: Pool
    upstreams: Mapping[str, Upstream]
    transport: Transport
    catalogue: Catalogue
    keys: Keys
    meter: Meter
    clock: Clock
    vault: "Vault"
    fetcher: Fetcher
    quotas: "Quotas"
