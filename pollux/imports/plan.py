"""What an import will do, item by item, before anything is done."""

from typing import Any, ClassVar, Literal

from msgspec import Struct, field

from pipeline.ports import Credential
from pollux.spans import KeyPath

Fidelity = Literal["exact", "approximate", "unsupported"]
ALL_MODELS = ""


class ImportFailed(Exception):
    """A source that cannot be read at all; the message says why."""


class Item(Struct, kw_only=True):
    """One thing that was found. Shape: `name` gives no secret away; `why` says what an approximate item loses."""

    kind: ClassVar[str] = ""

    name: str
    origin: str = ""
    fidelity: Fidelity = "exact"
    why: str = ""


class Condition(Struct):
    """How a credential was doing with one of its projects. Units: `rests` are epoch seconds by model, "" for all."""

    disabled: str = ""
    rests: dict[str, float] = field(default_factory=dict)

    def merge(self, other: "Condition") -> None:
        """Take over what the other knows besides."""
        self.disabled = self.disabled or other.disabled
        for model, until in other.rests.items():
            self.rests[model] = max(until, self.rests.get(model, 0.0))


class CredentialItem(Item, kw_only=True):
    """A credential.

    Shape: `conditions` are by project; `tier` is what the source knew of the account's licence; `faults` is what
        Google last answered to it; `usage` counts what it was asked and answered, as `pipeline.usage` does.
    """

    kind: ClassVar[str] = "credential"

    credential: Credential
    conditions: dict[str, Condition] = field(default_factory=dict)
    tier: str = ""
    faults: str = ""
    usage: dict[str, int] = field(default_factory=dict)


class KeyItem(Item, kw_only=True):
    """A client's API key. Shape: a limit of 0 is none. Units: `created`, `expires` in epoch seconds, 0 if unknown."""

    kind: ClassVar[str] = "key"

    secret: str
    description: str = ""
    created: float = 0.0
    expires: float = 0.0
    enabled: bool = True
    total_quota: int = 0
    used: int = 0
    rpm: int = 0
    tpm: int = 0
    concurrency: int = 0


class SettingItem(Item, kw_only=True):
    """A setting. Shape: `path` is its place in proxy.toml, or (`stages`, stage, option) for an option of a stage."""

    kind: ClassVar[str] = "setting"

    path: KeyPath
    value: Any


class RowItem(Item, kw_only=True):
    """A row of one of proxy.toml's lists: a `[[limit]]` or a `[[model]]`."""

    kind: ClassVar[str] = "setting"

    table: Literal["limit", "model"]
    values: dict[str, Any]


class CostItem(Item, kw_only=True):
    """What one call of a model costs a client key; `name` is the model."""

    kind: ClassVar[str] = "cost"

    cost: int


class LeftItem(Item, kw_only=True):
    """Something that stays behind, and why."""

    kind: ClassVar[str] = "left"

    fidelity: Fidelity = "unsupported"


class ImportPlan(Struct, kw_only=True):
    """All that an import found, and what is left to its owner.

    Shape: `layouts` are those recognised; `merged` counts credentials that were there more than once; `steps` are
        for the owner; `skipped` are files that are none of ours.
    """

    source: str
    layouts: list[str] = field(default_factory=list)
    credentials: list[CredentialItem] = field(default_factory=list)
    keys: list[KeyItem] = field(default_factory=list)
    settings: list[SettingItem] = field(default_factory=list)
    rows: list[RowItem] = field(default_factory=list)
    costs: list[CostItem] = field(default_factory=list)
    left: list[LeftItem] = field(default_factory=list)
    merged: int = 0
    skipped: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def items(self) -> list[Item]:
        """Return everything found, in the order in which it is told."""
        return [*self.credentials, *self.keys, *self.costs, *self.settings, *self.rows, *self.left]


def masked(secret: str) -> str:
    """Return enough of a key for its owner to know it by, and no more."""
    return f"{secret[:10]}...{secret[-3:]}" if len(secret) >= 20 else f"{secret[:3]}..."
