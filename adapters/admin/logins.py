"""Logins at Google: from the page on which a person consents to a credential that serves."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog
from msgspec import Struct, field

from adapters.admin.operation import Refusal
from adapters.admin.shapes import OAuthOutcome, OAuthStarted
from adapters.consent import Consent, ask_consent, code_of, exchange
from pipeline.errors import BadRequest, UpstreamError

if TYPE_CHECKING:
    from adapters.admin.adoption import Adoption, Wish
    from adapters.egress import Egress
    from adapters.endpoints import Endpoints
    from adapters.oauth import OAuthClient
    from pipeline.ports import Clock, StateStore

log = structlog.get_logger("pollux.logins")

KIND = "login"
"""The kind of document a login is kept as, under the digest of its state: any worker may be called back."""

LIFETIME = 600.0
CALLBACK = "/auth/callback"
_ROOM = 500
"""Logins of contributors that may be open at once: whoever begins them without end fills no store."""

FindClients = Callable[[], Awaitable[list["OAuthClient"]]]


class Login(Struct):
    """One login. Units: `began`, `expires` in epoch seconds."""

    began: float
    expires: float
    client_id: str
    redirect_uri: str
    verifier: str
    contributor: bool = False
    project: str = ""
    all_projects: bool = False
    outcome: OAuthOutcome = field(default_factory=lambda: OAuthOutcome("pending"))


class Logins:
    """Begins and finishes logins.

    Shape: `clients` returns the OAuth clients that can be asked for, the preferred one first.
    """

    def __init__(
        self,
        state: StateStore,
        clock: Clock,
        egress: Egress,
        endpoints: Endpoints,
        clients: FindClients,
        adoption: Adoption,
    ) -> None:
        self._state = state
        self._clock = clock
        self._egress = egress
        self._endpoints = endpoints
        self._clients = clients
        self._adoption = adoption

    async def start(self, port: int, wish: Wish, *, contributor: bool = False) -> OAuthStarted:
        """Begin a login. Errors: Refusal where no OAuth client is known, or too many logins are open; StoreError."""
        client = next(iter(await self._clients()), None)
        if client is None:
            message = "No OAuth client is known: set [oauth] client_id and client_secret, or install gemini-cli."
            raise Refusal(409, "no_oauth_client", message)
        await self._make_room(contributor=contributor)
        # Google leads back to loopback only, and what the caller says of his own address is not to be trusted.
        redirect = f"http://localhost:{port}{CALLBACK}"
        consent, now = ask_consent(client, redirect, self._endpoints), self._clock.now()
        login = Login(now, now + LIFETIME, client.id, redirect, consent.verifier, contributor)
        login.project, login.all_projects = wish.project, wish.all_projects
        await self._keep(_digest(consent.state), login)
        return OAuthStarted(consent.url, consent.state, redirect, login.expires)

    async def finish(self, callback: str, wish: Wish, *, contributor: bool | None = None) -> OAuthOutcome:
        """Finish a login with the address that Google led back to.

        Shape: `contributor` says whose login it has to be; None for the browser itself, which may be anybody's.
        Errors: Refusal when the address belongs to no open login; StoreError.
        """
        state = state_of(callback)
        login = await self._open(state, contributor)
        if login.outcome.status == "choose" and (wish.project or wish.all_projects):
            return await self._choose(_digest(state), login, wish)
        if login.outcome.status != "pending":
            return login.outcome
        if not await self._state.claim(f"{KIND}:{_digest(state)}", secrets.token_hex(8), LIFETIME):
            return login.outcome  # it comes twice: the browser's, and pasted
        wish.project, wish.all_projects = wish.project or login.project, wish.all_projects or login.all_projects
        login.outcome = await self._finished(state, login, callback, wish)
        login.verifier = ""
        await self._keep(_digest(state), login)
        return login.outcome

    async def choose(self, state: str, wish: Wish) -> OAuthOutcome:
        """Name the project of a login that waits for one. Errors: Refusal, StoreError."""
        login = await self._open(state, contributor=False)
        if login.outcome.status != "choose":
            return login.outcome
        return await self._choose(_digest(state), login, wish)

    async def status(self, state: str, *, contributor: bool = False) -> OAuthOutcome:
        """Say how a login stands. Errors: Refusal, StoreError."""
        return (await self._open(state, contributor)).outcome

    async def latest(self, wish: Wish, *, choose: bool = False) -> OAuthOutcome | None:
        """Return how the latest login of an operator stands; None where there is none.

        Shape: with `choose`, a login that waits for a project gets the one wished for; otherwise the project tells
            which login is meant.
        Errors: StoreError.
        """
        found = {name: msgspec.convert(each, Login) for name, each in (await self._state.load(KIND)).items()}
        fit = {name: each for name, each in found.items() if not each.contributor and (choose or _is_for(each, wish))}
        if not fit:
            return None
        digest, login = max(fit.items(), key=lambda item: item[1].began)
        if choose and login.outcome.status == "choose" and (wish.project or wish.all_projects):
            return await self._choose(digest, login, wish)
        return login.outcome

    async def _finished(self, state: str, login: Login, callback: str, wish: Wish) -> OAuthOutcome:
        consent = Consent("", state, login.verifier, login.redirect_uri)
        try:
            code = code_of(consent, callback)
            client = next((each for each in await self._clients() if each.id == login.client_id), None)
            if client is None:
                return OAuthOutcome("failed", error="The OAuth client of this login is no longer known.")
            credential = await exchange(self._egress, self._clock, consent, client, code, self._endpoints)
        except BadRequest as exc:
            return OAuthOutcome("failed", error=exc.message)
        except UpstreamError as exc:
            log.warning("login failed", error=exc.message, reason=exc.verdict.reason)
            return OAuthOutcome("failed", error=exc.message)
        return await self._adoption.adopt(credential, wish, ask=not login.contributor)

    async def _choose(self, digest: str, login: Login, wish: Wish) -> OAuthOutcome:
        login.outcome = await self._adoption.choose(login.outcome, wish)
        await self._keep(digest, login)
        return login.outcome

    async def _open(self, state: str, contributor: bool | None) -> Login:
        document = await self._state.get(KIND, _digest(state)) if state else None
        login = msgspec.convert(document, Login) if document is not None else None
        if login is None or login.expires < self._clock.now() or contributor not in {None, login.contributor}:
            raise Refusal(400, "unknown_login", "This login is unknown or has expired: begin again.")
        return login

    async def _keep(self, digest: str, login: Login) -> None:
        self._state.put(KIND, digest, msgspec.to_builtins(login))
        await self._state.flush()

    async def _make_room(self, *, contributor: bool) -> None:
        open_, now = 0, self._clock.now()
        for digest, document in (await self._state.load(KIND)).items():
            if document["expires"] < now:
                self._state.put(KIND, digest, None)
            else:
                open_ += document["contributor"]
        if contributor and open_ >= _ROOM:
            raise Refusal(429, "too_many_logins", "Too many logins are open; try again later.", retry_after=LIFETIME)


def state_of(callback: str) -> str:
    """Return the `state` in an address that Google led back to."""
    return parse_qs(urlsplit(callback.strip()).query).get("state", [""])[-1]


def _is_for(login: Login, wish: Wish) -> bool:
    return wish.project in {"", login.project, login.outcome.project}


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
