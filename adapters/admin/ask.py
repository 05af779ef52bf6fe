"""One admitted request to the admin API, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from adapters.admin.guard import Guard
    from adapters.admin.office import Office


class Ask(Struct):
    """What an operation is given.

    Shape: `path` are the place-holders of its path; `query` and `body` are what the operation declares; `session` is
        the token the caller is admitted by, empty for the password itself and on public operations.
    """

    office: Office
    guard: Guard
    connection: HTTPConnection
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    session: str = ""

    @property
    def port(self) -> int:
        """The port by which a browser on this machine reaches the house."""
        server = self.connection.scope.get("server")
        return int(server[1]) if server and server[1] else 80

    @property
    def client(self) -> str:
        """The caller's address."""
        return self.connection.client.host if self.connection.client else ""
