"""Logins at Google."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from adapters.admin.shapes.words import Epoch, Name


class OAuthStart(Struct):
    """A login at Google to begin.

    Shape: `project` where the account's own is to be used; `all_projects` uses every one.
    """

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
    """How a login stands.

    Shape: `choose` is one that waits for a project to be chosen from `projects`, by the same call again;
        `error` says why it failed.
    """

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
    """All that a contributor is told.

    Shape: `ok` is null while it is pending; `error` says why it failed.
    """

    ok: bool | None
    email: str = ""
    error: str = ""
