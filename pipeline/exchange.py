"""One request and its answer, as it moves down the pipeline."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

from msgspec import Meta, Struct, field

if TYPE_CHECKING:
    from pipeline.errors import ProxyError, UpstreamError
    from pipeline.gaps import Gaps
    from pipeline.ports import Answer, Decoder, Dialect, Encoder, Lease
    from pipeline.quota import Charge
    from pipeline.trace import Trace

Chunk = dict[str, Any]
"""One parsed GenerateContentResponse, or a GenerateContentRequest; whoever holds it may edit it."""

Pipe = Callable[[Chunk], Chunk | None]
"""Called once per upstream event, synchronously; `None` drops the event."""

Closer = Callable[[BaseException | None], Awaitable[None]]
"""Told the end of an exchange exactly once: `None` for a complete answer, else what stopped it."""

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""

Open = Callable[[Chunk, bool], Awaitable["Reply"]]
"""Asks upstream once (leases, retries and all): payload, and whether to stream."""

Source = Callable[[Open], AsyncGenerator[list[Chunk], None]]
"""Replaces the plain upstream call: may ask upstream any number of times, yields batches of events."""


Repair = Callable[[Chunk, "UpstreamError"], Chunk | None]
"""Mends a payload that upstream refused, for one more try with the same lease; `None` when it cannot help."""


Leases = Callable[["Exchange"], AsyncGenerator["Lease", None]]
"""Starts a set of attempts: for the exchange, or for one of the calls that it takes (see `pipeline.calls`)."""


class Request(Struct):
    """What the caller sent, after the server and before any dialect.

    Shape: `path` is decoded and free of duplicate version prefixes; `body` is decompressed.
    """

    method: str
    path: str
    headers: Headers
    body: bytes = b""
    query_string: bytes = b""
    client: str = ""

    def header(self, name: bytes) -> str:
        """Return the first header of that (lower-case) name, or an empty string."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        if not self.query_string:
            return {}
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


class Asked(Struct):
    """What a dialect read from a request, in the hub's terms.

    Shape: `operation` is generate | count_tokens | embed | batch_embed | models | model; `payload` is Gemini's request
        body for that operation; `calls` makes of that payload, once the stages are done with it, those of several
        upstream calls, where one does not do; `echo` holds what only this dialect's own encoder needs again; `effort`
        is how much the model should think, in OpenAI's words or in tokens: for models whose family shows only behind
        an alias.
    """

    model: str = ""
    payload: Chunk = field(default_factory=dict)
    operation: str = "generate"
    stream: bool = False
    calls: Callable[[Chunk], list[Chunk]] | None = None
    echo: Any = None
    effort: str | int = ""


class Reply(Struct):
    """What goes back.

    Shape: exactly one of three. `body`: a finished document in the caller's dialect. `answer` with its `decode`: bytes
        from upstream, whose first batch was already looked at and is in `first` (decoded) and `head` (as read);
        `judge` is a second decoder, there when these bytes are the hub's own form and may pass as they are.
        `source`: batches of events made here.
    """

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes | None = None
    answer: "Answer | None" = None
    decode: "Decoder | None" = None
    first: list[Chunk] = field(default_factory=list)
    head: bytes = b""
    judge: "Decoder | None" = None
    source: AsyncGenerator[list[Chunk], None] | None = None


Amount = Annotated[int, Meta(ge=0, le=2**48)]
"""What a limit allows; 0 is no limit."""


class Key(Struct, frozen=True, kw_only=True):
    """A client API key: whose it is and what it is good for; never its secret.

    Shape: `mask` is as much of the secret as may be shown; `models` are globs, none is every model; a limit of 0 is
        none. Quotas are in cost units of models, `tpm` in tokens.
    Units: `created`, `expires` in epoch seconds; never where `expires` is 0.
    """

    id: str
    mask: str = ""
    description: str = ""
    created: float = 0.0
    enabled: bool = True
    expires: float = 0.0
    total_quota: Amount = 0
    daily_quota: Amount = 0
    rpm: Amount = 0
    tpm: Amount = 0
    concurrency: Amount = 0
    models: list[str] = field(default_factory=list)


class Caller(Struct, frozen=True):
    """Who asks: the name of the key that was accepted, and the key where it is no password."""

    name: str
    scheme: str = "bearer"
    key: Key | None = None


def _nobody_waits() -> None:
    """Stand in for the line to a caller where there is none."""


class Exchange(Struct, dict=False, weakref=True, eq=False):
    """The one object every stage works on; see `pipeline.stage` for the four things a stage may do with it.

    Shape: `features` is what the model's name asked for beyond the model; `parts` is of how many calls this is one,
        where a request takes several; `tried` has a bit for each unit that failed this exchange; `charge` is what it
        takes from the quotas of its caller's key; `finish` maps candidate index to finishReason as seen so far, `usage`
        is the latest usageMetadata (cumulative upstream); `gaps` are a stream's silences; `stop` is why it is being
        ended from outside; `trace` is there where somebody watches; `notes` is free room for stages of a user's own.
    Units: `started`, `first_byte` in seconds of the monotonic clock.
    """

    id: str
    request: Request
    dialect: "Dialect"
    started: float
    route: str = "default"
    asked: Asked = field(default_factory=Asked)
    model: str = ""
    payload: Chunk = {}
    operation: str = "generate"
    stream: bool = False
    features: dict[str, Any] = {}
    caller: Caller | None = None
    charge: "Charge | None" = None
    parts: int = 1
    tried: int = 0
    leases: "Leases | None" = None
    lease: "Lease | None" = None
    source: Source | None = None
    repairs: list[Repair] = []
    pipes: list[Pipe] = []
    closers: list[Closer] = []
    encoder: "Encoder | None" = None
    reply: Reply | None = None
    usage: Chunk = {}
    finish: dict[int, str] = {}
    attempts: int = 0
    first_byte: float = 0.0
    gaps: "Gaps | None" = None
    heartbeat: float = 0.0
    commit_early: bool = False
    hold: Callable[[], None] = _nobody_waits
    stop: "ProxyError | None" = None
    trace: "Trace | None" = None
    notes: dict[str, Any] = {}

    @property
    def named(self) -> str:
        """The model by the name that the caller asked for, which is the one that it knows."""
        return self.asked.model or self.model

    @property
    def size(self) -> int:
        """The bytes that are asked with: of the request, or of one call's part in it."""
        return len(self.request.body) // self.parts

    def note(self, chunk: Chunk) -> None:
        """Keep what the end of an answer is judged and counted by: finish reasons and usage."""
        usage = chunk.get("usageMetadata")
        if usage:
            self.usage = usage
        for candidate in chunk.get("candidates") or ():
            index = candidate.get("index", 0)
            reason = candidate.get("finishReason")
            if reason:
                self.finish[index] = reason
            elif index not in self.finish:
                self.finish[index] = ""
        if "promptFeedback" in chunk and (chunk["promptFeedback"] or {}).get("blockReason"):
            self.finish.setdefault(0, "")
            self.finish[0] = self.finish[0] or "BLOCKED_PROMPT"

    def release(self) -> None:
        """Let go of what the end needs no more.

        PERF: closures hold the exchange that holds them: without this every request waits for the collector.
        """
        self.pipes, self.closers, self.repairs = [], [], []
        self.leases = self.lease = self.encoder = self.reply = self.source = None
        self.hold = _nobody_waits

    @property
    def complete(self) -> bool:
        """Whether every candidate seen so far has said why it ended."""
        return bool(self.finish) and all(self.finish.values())
