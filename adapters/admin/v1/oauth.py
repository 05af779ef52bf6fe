"""Resource `oauth`: lend the house a Google account."""

from msgspec import Struct

from adapters.admin.adoption import Wish
from adapters.admin.ask import Ask
from adapters.admin.operation import Operation
from adapters.admin.shapes import CallbackUrl, Name, OAuthChoice, OAuthOutcome, OAuthStart, OAuthStarted


class OfLogin(Struct):
    """Which login: the `state` that its start answered."""

    state: Name


async def start_login(ask: Ask) -> OAuthStarted:
    """Begin a login at Google; it expires after ten minutes."""
    return await ask.office.logins.start(ask.port, Wish(ask.body.project, ask.body.all_projects))


async def paste_callback(ask: Ask) -> OAuthOutcome:
    """Finish a login with the address that Google led the browser to; for a browser on another machine."""
    return await ask.office.logins.finish(
        ask.body.callback_url, Wish(ask.body.project, ask.body.all_projects), contributor=False
    )


async def login_status(ask: Ask) -> OAuthOutcome:
    """Say how a login stands."""
    return await ask.office.logins.status(ask.query.state)


async def choose_project(ask: Ask) -> OAuthOutcome:
    """Name the project of a login that waits for one."""
    return await ask.office.logins.choose(ask.body.state, Wish(ask.body.project, ask.body.all_projects))


OPERATIONS = (
    Operation(method="POST", path="/oauth/start", run=start_login, body=OAuthStart, answer=OAuthStarted),
    Operation(method="POST", path="/oauth/callback-url", run=paste_callback, body=CallbackUrl, answer=OAuthOutcome),
    Operation(method="GET", path="/oauth/status", run=login_status, query=OfLogin, answer=OAuthOutcome),
    Operation(method="POST", path="/oauth/project", run=choose_project, body=OAuthChoice, answer=OAuthOutcome),
)
