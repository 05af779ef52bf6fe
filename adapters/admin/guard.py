"""The guard at the door of the admin API: who comes in, by what, and from where."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from adapters.admin.lockouts import Lockouts
from adapters.admin.operation import Refusal
from adapters.admin.sessions import LIFETIME, PREFIX, Sessions
from adapters.admin.shapes import Session
from adapters.admin.throttle import Throttle

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from adapters.admin.office import Office

log = structlog.get_logger("pollux.admin")

COOKIE = "pollux_session"
CSRF = "x-pollux-csrf"
"""A page of another origin cannot send this header without being asked first, and is never answered."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OFTEN, _WITHIN = 30, 600.0
"""What one address may ask for without a session."""


class Guard:
    """Admits sessions and the panel password; nothing else, the API password least of all."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._sessions = Sessions(office.state, office.clock, office.mark)
        self._lockouts = Lockouts(office.state, office.clock, office.locked_out)
        self._throttle = Throttle(office.clock, _OFTEN, _WITHIN)
        self._checking = asyncio.Lock()

    async def admit(self, connection: HTTPConnection, *, in_query: bool = False) -> str:
        """Return the token of the session that admits a request, empty where the panel password itself does.

        Shape: `in_query` also accepts a session's token as `?token=`: a WebSocket's caller may have no other place.
        Errors: Refusal (401, 403, 429).
        """
        secret = _bearer(connection) or (connection.query_params.get("token", "") if in_query else "")
        if secret and not secret.startswith(PREFIX):
            if connection.headers.get("authorization") is None:
                raise _unknown()  # a password has no business in a URL
            await self._check(connection, secret)
            return ""
        token = secret or connection.cookies.get(COOKIE, "")
        if not await self._sessions.expiry(token):
            raise _unknown()
        if not secret:
            _same_origin(connection)
        return token

    async def log_in(self, connection: HTTPConnection, password: str) -> tuple[Session, str]:
        """Return a new session and its cookie. Errors: Refusal (401, 403, 429)."""
        if connection.headers.get("origin"):
            _same_origin(connection)
        await self._check(connection, password)
        token, expires = await self._sessions.open()
        return Session("session", expires, token), _cookie(connection, token, int(LIFETIME))

    async def log_out(self, connection: HTTPConnection, token: str) -> str:
        """End a session; return the cookie that takes its cookie away."""
        if token:
            await self._sessions.end(token)
        return _cookie(connection, "", 0)

    async def session(self, token: str) -> Session:
        """Describe what admitted the caller."""
        if not token:
            return Session("password", 0.0)
        return Session("session", await self._sessions.expiry(token))

    def slow_down(self, address: str) -> None:
        """Refuse who asks too often without a session. Errors: Refusal (429)."""
        wait = self._throttle.wait(address)
        if wait:
            raise Refusal(429, "too_often", "Too many requests; wait a little.", retry_after=wait)

    async def _check(self, connection: HTTPConnection, password: str) -> None:
        address = connection.client.host if connection.client else ""
        async with self._checking:  # guesses that come all at once are counted one by one
            wait = await self._lockouts.wait(address)
            if wait:
                self._office.turned_away("locked_out")
                message = "Too many wrong passwords from this address."
                raise Refusal(429, "locked_out", message, retry_after=wait)
            if self._office.admits(password):
                await self._lockouts.right(address)
                return
            await self._lockouts.wrong(address)
        self._office.turned_away("wrong")
        log.warning("wrong panel password", client=address)
        raise Refusal(401, "unauthorized", "This is not the panel password.")


def _unknown() -> Refusal:
    return Refusal(401, "unauthorized", "Log in first, or send the panel password as 'Authorization: Bearer PASSWORD'.")


def _bearer(connection: HTTPConnection) -> str:
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _same_origin(connection: HTTPConnection) -> None:
    """Refuse what another site's page made the browser send. Errors: Refusal (403).

    A WebSocket has no header of ours, but always an Origin.
    """
    harmless = connection.scope["type"] == "http" and connection.scope["method"] in _SAFE
    if harmless or (connection.scope["type"] == "http" and CSRF in connection.headers):
        return
    origin = connection.headers.get("origin", "")
    if not origin or urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Refusal(403, "csrf", f"Send the header {CSRF}: a page of another origin cannot.")


def _cookie(connection: HTTPConnection, token: str, seconds: int) -> str:
    """Return the cookie. Source: RFC 6265bis."""
    secure = "https" in {connection.url.scheme, connection.headers.get("x-forwarded-proto", "")}
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")
