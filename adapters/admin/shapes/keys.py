"""Client API keys, and what answers cost."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.admin.shapes.usage import Usage
from adapters.admin.shapes.words import Amount, Epoch, Name


class Key(Struct):
    """A client API key; never its secret.

    Shape: `used_*` are in cost units.
    """

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
    """What one answer of a model costs.

    Shape: `set_here` is whether it was set at run time and wins over proxy.toml.
    """

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
