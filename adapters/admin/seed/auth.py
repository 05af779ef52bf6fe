"""`/auth/login` and `/auth/logout`."""

from typing import Any

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Page
from adapters.admin.shapes import Login


async def seed_log_in(ask: Ask) -> Page:
    """Answer a session's token, never the password."""
    session, cookie = await ask.guard.log_in(ask.connection, ask.body.password)
    document = {"token": session.token, "expires_at": session.expires_at, "message": "logged in"}
    return Page(document, headers=[("set-cookie", cookie)])


async def seed_log_out(ask: Ask) -> Page:
    """End the session."""
    document: dict[str, Any] = {"message": "logged out"}
    return Page(document, headers=[("set-cookie", await ask.guard.log_out(ask.connection, ask.session))])


OPERATIONS = (
    Operation(method="POST", path="/auth/login", run=seed_log_in, body=Login, door="public"),
    Operation(method="POST", path="/auth/logout", run=seed_log_out),
)
