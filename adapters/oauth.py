"""Access tokens that are good now, asked for once however many wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import structlog
from msgspec import Struct

from adapters import service_account
from adapters.endpoints import GOOGLE, Endpoints
from pipeline.errors import Broken, ProxyError, Refused, StoreError, UpstreamError, Verdict

if TYPE_CHECKING:
    from adapters.egress import Egress, Fetched
    from pipeline.exchange import Headers
    from pipeline.ports import Clock, Credential

EAGER = 300.0
"""How long before its end a token is renewed, in the background. Source: google-auth-library does the same."""

FORM: Headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json")]
_PAUSE = 30.0  # between attempts in the background, while the token is good
_RECENT = 10.0  # a 401 to a call that set out before the last renewal needs no other one
_CONFIGURATION = 60.0
_PERMANENT = {"invalid_grant", "unauthorized_client", "access_denied", "admin_policy_enforced"}
_CLOCK = "reasonable timeframe"
"""What Google says, under the name of a permanent error, to a service account whose machine has the wrong time."""
_CLIENT = {"invalid_client", "deleted_client", "disabled_client"}

log = structlog.get_logger(__name__)


class OAuthClient(Struct, frozen=True):
    """The application that a person consented to; a refresh token works with its own one only."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"OAuthClient(id={self.id!r})"


class Granted(Struct, frozen=True, kw_only=True):
    """What the token endpoint answers. Units: seconds. Source: RFC 6749 §5.1."""

    access_token: str
    expires_in: float = 3599.0
    refresh_token: str = ""
    id_token: str = ""


class Adopted(Granted, frozen=True, kw_only=True):
    """What another process was granted."""


def no_client() -> OAuthClient | None:
    """Know no application but those that credentials name themselves."""
    return None


def unobserved(kind: str, result: str) -> None:
    """Count no renewal."""


@asynccontextmanager
async def nobody_else(credential: Credential) -> AsyncIterator[Credential | None]:
    """Renew every credential here: no other process does."""
    yield None


class Tokens:
    """Gives access tokens for credentials, renewing them when they are about to end.

    Shape: `save` keeps a renewed credential; `client` finds the application for credentials that name none; `observe`
        is told the kind of each credential that was renewed and `ok` or an error_type. Whoever waits for the same
        refresh token waits for the same call. `turn` is where a call waits for other processes: it yields the
        credential as one of them has renewed it, or None.
    """

    def __init__(
        self,
        egress: Egress,
        clock: Clock,
        save: Callable[[Credential], Awaitable[None]],
        endpoints: Endpoints = GOOGLE,
        client: Callable[[], OAuthClient | None] = no_client,
        observe: Callable[[str, str], None] = unobserved,
        turn: Callable[[Credential], AbstractAsyncContextManager[Credential | None]] = nobody_else,
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._save = save
        self._url = f"{endpoints.oauth}/token"
        self._client = client
        self._observe = observe
        self._turn = turn
        self._flights: dict[str, asyncio.Task[Granted]] = {}
        self._begun: dict[str, float] = {}
        self._granted: dict[str, float] = {}

    async def token(self, credential: Credential) -> str:
        """Return a token that is good now.

        Errors: Refused (provider_auth) when there will be none; Broken when there is none at the moment.
        """
        left = credential.expires_at - self._clock.now()
        if credential.access_token and (left > EAGER or not _renewable(credential)):
            return credential.access_token
        if not _renewable(credential):
            raise _refused("no refresh_token", "disable", None, "the credential has neither token nor refresh token")
        if credential.access_token and left > 0:
            if self._clock.tick() - self._begun.get(credential.id, -_PAUSE) >= _PAUSE:
                self._flight(credential)
        else:
            await self._renewed(credential)
        return credential.access_token

    async def renew(self, credential: Credential) -> bool:
        """Force one renewal, after a 401; False when there is nothing to renew. Errors: as `token`."""
        if not _renewable(credential):
            return False
        if self._clock.tick() - self._granted.get(credential.id, -_RECENT) >= _RECENT:
            await self._renewed(credential)
        return True

    async def close(self) -> None:
        """Give up what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _renewed(self, credential: Credential) -> None:
        # Shielded: a caller that leaves must not take the token away from those who wait with it.
        granted = await asyncio.shield(self._flight(credential))
        if credential.access_token != granted.access_token:  # the same account, read twice
            self._apply(credential, granted)

    def _flight(self, credential: Credential) -> asyncio.Task[Granted]:
        key = credential.refresh_token or credential.id
        flight = self._flights.get(key)
        if flight is None:
            self._begun[credential.id] = self._clock.tick()
            flight = self._flights[key] = asyncio.create_task(self._renew(credential))
            flight.add_done_callback(lambda task: self._landed(key, credential.id, credential.kind, task))
        return flight

    def _landed(self, key: str, name: str, kind: str, task: asyncio.Task[Granted]) -> None:
        del self._flights[key]
        if task.cancelled():
            return
        exc = task.exception()
        if exc is None and isinstance(task.result(), Adopted):
            return  # the other process counts it
        if exc is not None:
            log.warning("token_not_renewed", credential=name, error=str(exc))
        self._observe(
            kind, exc.error_type if isinstance(exc, ProxyError) else "ok" if exc is None else "proxy_internal"
        )

    async def _renew(self, credential: Credential) -> Granted:
        if credential.service_account is not None:
            return await self._ask(credential)
        async with self._turn(credential) as renewed:
            if renewed is None:
                return await self._ask(credential)
        granted = Adopted(
            access_token=renewed.access_token,
            expires_in=renewed.expires_at - self._clock.now(),
            refresh_token=renewed.refresh_token,
        )
        self._apply(credential, granted)
        self._granted[credential.id] = self._clock.tick()
        return granted

    async def _ask(self, credential: Credential) -> Granted:
        form, client = await self._form(credential)
        fetched = await self._egress.fetch("POST", self._url, FORM, urlencode(form).encode())
        granted = read_granted(fetched)
        self._apply(credential, granted)
        self._granted[credential.id] = self._clock.tick()
        if client is not None:
            credential.client_id, credential.client_secret = client.id, client.secret
            await self._keep(credential)
        return granted

    async def _form(self, credential: Credential) -> tuple[dict[str, str], OAuthClient | None]:
        if credential.service_account is not None:
            now = self._clock.now()
            return service_account.grant(credential.service_account, credential.scopes, now), None
        own = OAuthClient(credential.client_id, credential.client_secret) if credential.client_id else None
        client = own or await asyncio.to_thread(self._client)  # looks through files
        if client is None:
            reason = "no OAuth client: set [oauth] client_id and client_secret, or install gemini-cli"
            raise _refused("no OAuth client", "cool", _CONFIGURATION, reason)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credential.refresh_token,
            "client_id": client.id,
            "client_secret": client.secret,
        }
        return form, client

    def _apply(self, credential: Credential, granted: Granted) -> None:
        credential.access_token = granted.access_token
        credential.expires_at = self._clock.now() + granted.expires_in
        if granted.refresh_token:
            credential.refresh_token = granted.refresh_token
        if granted.id_token and "id_token" in credential.extra:
            credential.extra["id_token"] = granted.id_token

    async def _keep(self, credential: Credential) -> None:
        try:
            await self._save(credential)
        except StoreError as exc:  # the token is good all the same
            log.warning("token_not_kept", credential=credential.id, error=str(exc))


def read_granted(fetched: Fetched) -> Granted:
    """Return what the token endpoint granted.

    Errors: Refused (provider_auth) as its error says; Broken when it failed or said nothing that can be read.
    """
    if fetched.status == 200:
        try:
            return msgspec.json.decode(fetched.body, type=Granted, strict=False)
        except msgspec.MsgspecError as exc:
            raise Broken("The token endpoint's answer cannot be read.", error_type="provider_malformed") from exc
    if fetched.status == 429:
        verdict = Verdict("credential", "cool", _PAUSE, "429 from the token endpoint")
        raise Broken("The token endpoint is busy.", verdict=verdict, error_type="provider_auth")
    if fetched.status >= 500:
        raise Broken(f"The token endpoint answered {fetched.status}.", error_type="provider_auth")
    raise _denied(fetched)


def _denied(fetched: Fetched) -> UpstreamError:
    try:
        body: Any = msgspec.json.decode(fetched.body)
    except msgspec.MsgspecError:
        body = {}
    error = str(body.get("error", "")) if isinstance(body, dict) else ""
    if not error:
        return Broken(f"The token endpoint answered {fetched.status}.", error_type="provider_auth")
    words = [error, *(str(body[key]) for key in ("error_subtype", "error_description") if key in body)]
    reason = ": ".join(words)
    if _CLOCK in reason:
        return _refused(error, "cool", _CONFIGURATION, f"{reason} This machine's clock is wrong.")
    if error in _PERMANENT:
        return _refused(error, "disable", None, reason)
    # Ours to mend, and not the credential's fault: it is tried again once that has had time to happen.
    hint = "; check [oauth] client_id and client_secret" if error in _CLIENT else ""
    return _refused(error, "cool", _CONFIGURATION, reason + hint)


def _refused(why: str, action: Any, seconds: float | None, reason: str) -> Refused:
    return Refused(
        f"The proxy could not get an access token for its credential ({why}).",
        verdict=Verdict("credential", action, seconds, reason),
        status=502,
        error_type="provider_auth",
    )


def _renewable(credential: Credential) -> bool:
    return bool(credential.refresh_token or credential.service_account)
