"""What all of the admin API shares: errors, and small words."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Action = Literal["enable", "disable", "delete", "verify", "email"]
Condition = Literal["ready", "cooling", "exhausted", "refreshing", "disabled", "quarantined"]
Scope = Literal["credential", "model", "key"]
Level = Literal["debug", "info", "warning", "error"]
Epoch = Annotated[float, Meta(description="epoch seconds; 0 is never")]
Amount = Annotated[int, Meta(ge=0, le=2**48, description="0 is no limit")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Fault(Struct, omit_defaults=True):
    """What was wrong.

    Shape: `code` is for programs, `field` names the part of the request that is to blame.
    """

    code: str
    message: str
    field: str = ""


class Error(Struct):
    """The answer of whatever failed."""

    error: Fault


class Ok(Struct):
    """It is done; there is nothing else to say."""

    ok: bool = True


class Switch(Struct):
    """Whether it is on."""

    on: bool
