"""One thing the admin API can be asked to do: its place, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from adapters.admin.ask import Ask

Run = Callable[["Ask"], Awaitable[Any]]
Door = Literal["session", "public"]


class Operation(Struct, frozen=True, kw_only=True):
    """An operation. Its docstring is its description, its function's name is its id.

    Shape: `body`, `query` and `answer` are the types that are read and written; a `body` of None takes none, `bytes`
        takes an upload. `door` says who may: a session, or everybody. `seed` marks an endpoint kept for scripts of the
        systems replaced: it is not described, and its errors say `detail`.
    """

    method: str
    path: str
    run: Run
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    door: Door = "session"
    seed: bool = False


class Download(Struct):
    """An answer that is a file."""

    name: str
    media_type: str
    body: bytes | AsyncIterator[bytes]


class Page(Struct):
    """An answer with a status of its own, or cookies; `document` is written as JSON unless it is bytes."""

    document: Any
    status: int = 200
    media_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)


class Refusal(Exception):
    """An operation that is not done.

    Shape: `code` is for programs; `field` names the part of the request to blame; `more` is shown beside the message.
    Units: `retry_after` in seconds.
    """

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", retry_after: float = 0.0, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.more = more


def not_found(what: str, name: str) -> Refusal:
    """Return the refusal for something that is not there."""
    return Refusal(404, "not_found", f"There is no {what} named {name!r}.")
