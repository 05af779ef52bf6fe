"""What the simulated Google should be like: who may call it, how fast it is, and what goes wrong."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct, field

from adapters.simulator.fixtures import FIXTURES

Mood = Literal["onboarded", "no-project", "free-tier", "unsupported-client", "validation-required"]
Framing = Literal["data", "bare", "array"]
Split = Literal["whole", "fixed", "random", "hostile"]
Behaviour = Literal[
    "stall",
    "drip",
    "eof",
    "cut",
    "reset",
    "half_close",
    "first_event_error",
    "mid_stream_error",
    "blocked_prompt",
    "max_tokens_in_thinking",
    "malformed_function_call",
    "empty_stop",
    "text",
    "events",
]
BEHAVIOURS: frozenset[str] = frozenset(get_args(Behaviour))


class Chunking(Struct, frozen=True, forbid_unknown_fields=True):
    """How the bytes of an answer are cut before they are written to the socket.

    Shape: `fixed` cuts every `size` bytes; `random` at 1 to `size` bytes from `seed`; `hostile` inside every
    UTF-8 sequence and every CRLF. Units: `gap` is the pause between pieces in seconds.
    """

    split: Split = "whole"
    size: int = 16
    seed: int = 0
    gap: float = 0.0


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that goes wrong, and for which requests.

    Shape: `effect` is a behaviour (`BEHAVIOURS`) or the name of a Google error (`fixtures.FIXTURES`).
    `path` is a regular expression searched in path and query, `body` one searched in the body; `credential`
    is the key, access token, refresh token or e-mail that called; empty matchers match everything. `nth` is
    the first matching request hit (from 1), `times` how many from there on (0: all).
    `after_events` 0 means before the first event: `stall` and `reset` then come before the head.
    `seconds` is the length of a stall (default: for ever) or the gap between the bytes of a drip.
    """

    effect: str
    path: str = ""
    body: str = ""
    credential: str = ""
    project: str = ""
    model: str = ""
    nth: int = 1
    times: int = 0
    after_events: int = 0
    after_bytes: int | None = None
    seconds: float | None = None
    error: str = "503"
    framing: Framing = "data"
    pieces: list[str] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.effect not in BEHAVIOURS and self.effect not in FIXTURES:
            raise ValueError(f"no effect named {self.effect!r}; known: {', '.join(known_effects())}")
        if self.error not in FIXTURES:
            raise ValueError(f"no error named {self.error!r}; known: {', '.join(sorted(FIXTURES))}")

    @property
    def stall_seconds(self) -> float:
        """The length of a stall, for ever unless given."""
        return math.inf if self.seconds is None else self.seconds


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """A person (or robot) who may call Google.

    Shape: `access_tokens` are accepted for ever, beside the tokens that the refresh token earns. `mood` None
    means the scenario's. `managed_project` is the project that Google gave to the account.
    """

    refresh_token: str
    email: str = "user@example.test"
    projects: list[str] = field(default_factory=lambda: ["test-project-1"])
    managed_project: str = ""
    access_tokens: list[str] = field(default_factory=list)
    client_id: str = ""
    mood: Mood | None = None


class Scenario(Struct, forbid_unknown_fields=True):
    """Everything that can be set about the simulated Google; the defaults are a good day.

    Shape: `keys` None: every API key is good unless it begins with `bad`. `accounts` None: every refresh token
    is good unless it begins with `bad`, and its account owns every project. `clients` maps OAuth client ids to secrets;
    empty: any. `service_accounts` maps e-mails to public keys (PEM); empty: any well-formed grant.
    `text` replaces the echo, `events` is the number of text events (0: by its words).
    Units: `latency`, `refresh_latency`, `cadence` and `token_lifetime` in seconds.
    """

    latency: float = 0.0
    cadence: float = 0.0
    chunking: Chunking = Chunking()
    gzip: bool = False
    text: str | None = None
    events: int = 0
    cached_tokens: int = 0
    token_lifetime: float = 3599.0
    refresh_latency: float = 0.0
    mood: Mood = "onboarded"
    onboarding_polls: int = 1
    keys: list[str] | None = None
    accounts: list[Account] | None = None
    clients: dict[str, str] = field(default_factory=dict)
    service_accounts: dict[str, str] = field(default_factory=dict)
    disabled_services: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def known_effects() -> list[str]:
    """Every name that `Fault.effect` understands."""
    return sorted(BEHAVIOURS | FIXTURES.keys())


def load(path: Path) -> Scenario:
    """Read a scenario from a JSON or TOML file.

    Errors: ValueError; as `msgspec.ValidationError` it names the wrong field. `OSError` when the file cannot be read.
    """
    raw = path.read_bytes()
    if path.suffix == ".toml":
        return msgspec.convert(tomllib.loads(raw.decode()), Scenario)
    return msgspec.json.decode(raw, type=Scenario)


def merge(scenario: Scenario, changes: dict[str, object]) -> Scenario:
    """A copy of the scenario with some fields replaced, validated as if read from a file."""
    plain = msgspec.to_builtins(scenario) | msgspec.to_builtins(changes)
    return msgspec.convert(plain, Scenario)
