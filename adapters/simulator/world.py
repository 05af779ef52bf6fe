"""Everything the simulated Google remembers: who is who, which tokens are alive, what was onboarded."""

from __future__ import annotations

import re
import time
from itertools import count
from typing import Any

from msgspec import Struct, field

from adapters.simulator.scenario import Account, Fault, Mood, Scenario

_ANYONE = "user@example.test"


class Token(Struct):
    """An access token that was handed out."""

    account: Account
    expires_at: float


class Grant(Struct, frozen=True):
    """An authorization code waiting to be exchanged."""

    account: Account
    client_id: str
    redirect_uri: str
    challenge: str
    with_refresh: bool


class Caller(Struct, frozen=True):
    """Who sent a request: the credential as presented, and the account behind a token."""

    credential: str
    account: Account | None = None

    @property
    def names(self) -> set[str]:
        """What a fault may call this caller."""
        account = self.account
        return {self.credential} | ({account.refresh_token, account.email} if account else set())


class World(Struct):
    """The state behind one simulator; `reset` makes a new one.

    Units: times by the monotonic clock in seconds.
    """

    scenario: Scenario
    tokens: dict[str, Token] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    consents: set[tuple[str, str]] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    enabled: set[str] = field(default_factory=set)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    onboarded: dict[str, str] = field(default_factory=dict)
    hits: dict[int, int] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    def number(self) -> int:
        """A number not used before."""
        value: int = next(self._numbers)
        return value

    # who is who

    def account(self, refresh_token: str) -> Account | None:
        """The account that a refresh token belongs to."""
        if self.scenario.accounts is None:
            return None if refresh_token.startswith("bad") else Account(refresh_token, _email(refresh_token))
        return next((a for a in self.scenario.accounts if a.refresh_token == refresh_token), None)

    def first_account(self) -> Account:
        """Whoever sits at the browser when a consent page is opened."""
        if self.scenario.accounts:
            return self.scenario.accounts[0]
        return Account(f"test-refresh-{self.number()}", _ANYONE)

    def robot(self, email: str) -> Account:
        """The account of a service account: it owns every project that anybody owns."""
        known = [project for account in self.scenario.accounts or () for project in account.projects]
        return Account(refresh_token=email, email=email, projects=known or ["test-project-1"])

    def bearer(self, token: str) -> Account | None:
        """The account behind a living access token."""
        for account in self.scenario.accounts or ():
            if token in account.access_tokens:
                return account
        known = self.tokens.get(token)
        if known is None or known.expires_at <= time.monotonic() or known.account.refresh_token in self.revoked:
            return None
        return known.account

    def issue(self, account: Account) -> str:
        """A new access token."""
        token = f"ya29.simulated-{self.number()}-{account.refresh_token[-6:]}"
        self.tokens[token] = Token(account, time.monotonic() + self.scenario.token_lifetime)
        return token

    def knows_key(self, key: str) -> bool:
        """Whether an API key is good."""
        known = self.scenario.keys
        return not key.startswith("bad") if known is None else key in known

    def owns(self, account: Account, project: str) -> bool:
        """Whether an account may use a project."""
        managed = self.managed_project(account)
        return self.scenario.accounts is None or project in account.projects or project == managed

    # Code Assist

    def mood(self, account: Account) -> Mood:
        """How loadCodeAssist receives the account now."""
        mood = account.mood or self.scenario.mood
        return "onboarded" if mood == "free-tier" and account.email in self.onboarded else mood

    def managed_project(self, account: Account) -> str:
        """The project that Google gave to the account, "" when it has to bring its own."""
        if account.email in self.onboarded:
            return self.onboarded[account.email]
        has_one = (account.mood or self.scenario.mood) == "onboarded"
        return account.managed_project or (account.projects[0] if has_one and account.projects else "")

    def serves(self, project: str) -> bool:
        """Whether the project's Gemini service is switched on."""
        return project not in self.scenario.disabled_services or project in self.enabled

    # faults

    def fault(self, path: str, body: bytes, names: set[str], model: str, project: str) -> Fault | None:
        """The first fault that this request falls under; counts as one hit for each that it matches."""
        chosen = None
        for number, fault in enumerate(self.scenario.faults):
            if not _matches(fault, path, body, names, model, project):
                continue
            self.hits[number] = hit = self.hits.get(number, 0) + 1
            due = hit >= fault.nth and (not fault.times or hit < fault.nth + fault.times)
            chosen = fault if due and chosen is None else chosen
        return chosen


def _email(refresh_token: str) -> str:
    return f"{refresh_token.rpartition('/')[2] or 'user'}@example.test"


def _matches(fault: Fault, path: str, body: bytes, names: set[str], model: str, project: str) -> bool:
    return (
        (not fault.path or re.search(fault.path, path) is not None)
        and (not fault.body or re.search(fault.body.encode(), body) is not None)
        and fault.credential in ("", *names)
        and fault.project in ("", project)
        and fault.model in ("", model)
    )
