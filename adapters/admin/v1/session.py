"""Resource `session`: log in, log out, who am I."""

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Page
from adapters.admin.shapes import Login, Session


async def log_in(ask: Ask) -> Page:
    """Log in with the panel password; the session also comes as a cookie.

    Twenty wrong passwords lock an address out, each time for longer: 429 with Retry-After.
    """
    session, cookie = await ask.guard.log_in(ask.connection, ask.body.password)
    return Page(session, headers=[("set-cookie", cookie)])


async def who_am_i(ask: Ask) -> Session:
    """Say by what the caller is admitted, and until when."""
    return await ask.guard.session(ask.session)


async def log_out(ask: Ask) -> Page:
    """End the session."""
    return Page(None, status=204, headers=[("set-cookie", await ask.guard.log_out(ask.connection, ask.session))])


OPERATIONS = (
    Operation(method="POST", path="/session", run=log_in, body=Login, answer=Session, door="public"),
    Operation(method="GET", path="/session", run=who_am_i, answer=Session),
    Operation(method="DELETE", path="/session", run=log_out, status=204),
)
