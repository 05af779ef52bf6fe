"""Resource `contribute`: anybody may lend an account, and learns nothing but that it worked.

Served under /auth/contribute, without a session.
"""

from adapters.admin.adoption import Wish
from adapters.admin.ask import Ask
from adapters.admin.operation import Operation
from adapters.admin.shapes import CallbackUrl, Contribution, OAuthOutcome, OAuthStarted
from adapters.admin.v1.oauth import OfLogin


async def start_contribution(ask: Ask) -> OAuthStarted:
    """Begin a login at Google; it expires after ten minutes."""
    ask.guard.slow_down(ask.client)
    return await ask.office.logins.start(ask.port, Wish(), contributor=True)


async def paste_contribution(ask: Ask) -> Contribution:
    """Finish a login with the address that Google led the browser to."""
    ask.guard.slow_down(ask.client)
    return contribution(await ask.office.logins.finish(ask.body.callback_url, Wish(), contributor=True))


async def contribution_status(ask: Ask) -> Contribution:
    """Say how a login stands."""
    return contribution(await ask.office.logins.status(ask.query.state, contributor=True))


def contribution(outcome: OAuthOutcome) -> Contribution:
    """Return as much of a login's outcome as a contributor may know."""
    if outcome.status == "completed":
        return Contribution(True, outcome.email)
    if outcome.status == "failed":
        return Contribution(False, error="Google did not let this account be used here.")
    return Contribution(None)


OPERATIONS = (
    Operation(
        method="POST",
        path="/auth/contribute/start",
        run=start_contribution,
        answer=OAuthStarted,
        door="public",
    ),
    Operation(
        method="POST",
        path="/auth/contribute/callback-url",
        run=paste_contribution,
        body=CallbackUrl,
        answer=Contribution,
        door="public",
    ),
    Operation(
        method="GET",
        path="/auth/contribute/status",
        run=contribution_status,
        query=OfLogin,
        answer=Contribution,
        door="public",
    ),
)
