"""Credentials, free of secrets."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.admin.shapes.usage import Usage
from adapters.admin.shapes.words import Action, Condition, Epoch, Name


class Rest(Struct):
    """A cooldown.

    Shape: `model` is empty where it is for all models.
    """

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


class Credential(Struct):
    """One credential, free of secrets.

    Shape: `state` is the best of its units'; `error_codes` are the statuses that Google last gave it;
        `removable` is false for those that come from the environment; `cooling_until` is the earliest end of its
        cooldowns, 0 for none.
    """

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
    """What became of one entry.

    Shape: `reason` says why it was refused.
    """

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
    """What became of one credential.

    Shape: `error` is empty when it went well; `email` and `tier` where asked for.
    """

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
