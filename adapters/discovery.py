"""The project that an account names to Code Assist: found once, then kept with its credential."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from adapters.endpoints import GOOGLE, Endpoints
from adapters.upstreams.code_assist import Bearer, bearer
from adapters.upstreams.verdicts import classify
from pipeline.errors import Broken, Refused, StoreError, Verdict

if TYPE_CHECKING:
    from adapters.egress import Egress
    from pipeline.exchange import Chunk
    from pipeline.ports import Clock, Credential

AUTO = "_auto"
POLL = 5.0
PATIENCE = 300.0
"""How long onboarding may take, in seconds."""

_METADATA = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}
_LEGACY_TIER = {"id": "legacy-tier", "userDefinedCloudaicompanionProject": True}
_NEEDS_PROJECT = "this account needs a Google Cloud project: add it to the credential's projects, then enable it"

log = structlog.get_logger(__name__)


class Projects:
    """Finds the project of credentials that do not name one, onboarding their account where it must be.

    Shape: a project found takes the place of `_auto` in the credential and is kept through `save`. Whoever waits for
        the same credential waits for the same discovery.
    Source: google-gemini/gemini-cli `code_assist/setup.ts`.
    """

    def __init__(
        self,
        egress: Egress,
        clock: Clock,
        tokens: Bearer,
        save: Callable[[Credential], Awaitable[None]],
        endpoints: Endpoints = GOOGLE,
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._tokens = tokens
        self._save = save
        self._base = f"{endpoints.code_assist}/v1internal"
        self._found: dict[str, str] = {}
        self._flights: dict[str, asyncio.Task[str]] = {}

    async def find(self, credential: Credential) -> str:
        """Return the project's id.

        Errors: Refused, disabling the credential, with Google's own words when the account is not eligible;
            otherwise as Code Assist's answers are classified.
        """
        known = self._found.get(_account(credential))
        if known is not None:
            return known
        # Shielded: a caller that leaves must not take the project away from those who wait with it.
        return await asyncio.shield(self._flight(credential))

    async def close(self) -> None:
        """Give up what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, credential: Credential) -> asyncio.Task[str]:
        account = _account(credential)
        flight = self._flights.get(account)
        if flight is None:
            flight = self._flights[account] = asyncio.create_task(self._discover(credential))
            flight.add_done_callback(lambda task: self._landed(account, credential.id, task))
        return flight

    def _landed(self, account: str, name: str, task: asyncio.Task[str]) -> None:
        del self._flights[account]
        if not task.cancelled() and (exc := task.exception()) is not None:
            log.warning("project_not_found", credential=name, error=str(exc))

    async def _discover(self, credential: Credential) -> str:
        loaded = await self._load(credential)
        project = _id_of(loaded.get("cloudaicompanionProject"))
        if not loaded.get("currentTier"):
            project = await self._onboard(credential, _tier(loaded))
        if not project:
            raise _ineligible(loaded)
        self._found[_account(credential)] = project
        await self._keep(credential, project)
        return project

    async def _load(self, credential: Credential) -> Chunk:
        try:
            return await self._ask(credential, "POST", ":loadCodeAssist", {"metadata": _METADATA})
        except Refused as exc:
            # Within VPC service controls the question is refused, though the account is a licensed one.
            if (exc.detail or {}).get("reason") == "SECURITY_POLICY_VIOLATED":
                return {"currentTier": {"id": "standard-tier"}}
            raise

    async def _onboard(self, credential: Credential, tier: Chunk) -> str:
        """Enrol the account in a tier whose project Google manages: naming one would be refused."""
        body = {"tierId": tier["id"], "metadata": _METADATA}
        operation = await self._ask(credential, "POST", ":onboardUser", body)
        began = self._clock.tick()
        while operation.get("done") is not True:
            if self._clock.tick() - began > PATIENCE:
                raise Broken("Onboarding the proxy's account took too long.", error_type="provider_timeout")
            await self._clock.sleep(POLL)
            operation = await self._ask(credential, "GET", f"/{operation.get('name', '')}")
        if error := operation.get("error"):
            raise _unwilling("onboardUser", str(error.get("message") or error))
        return _id_of((operation.get("response") or {}).get("cloudaicompanionProject"))

    async def _ask(self, credential: Credential, method: str, path: str, body: Chunk | None = None) -> Chunk:
        token = await self._tokens.token(credential)
        headers = [(b"content-type", b"application/json"), *bearer(token, credential)]
        data = orjson.dumps(body) if body is not None else b""
        fetched = await self._egress.fetch(method, self._base + path, headers, data)
        if fetched.status != 200:
            exc = classify(fetched.status, fetched.headers, fetched.body, self._clock.now(), "code_assist")
            # What is wrong with our question is no fault of the caller's.
            raise _unwilling(path, exc.message) if exc.verdict.action == "give_up" else exc
        try:
            answer: Any = orjson.loads(fetched.body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise Broken(f"Code Assist's answer to {path} cannot be read.", error_type="provider_malformed")
        return answer

    async def _keep(self, credential: Credential, project: str) -> None:
        places = credential.projects or [AUTO]
        credential.projects = [project if place == AUTO else place for place in places]
        try:
            await self._save(credential)
        except StoreError as exc:  # found again after the next start
            log.warning("project_not_kept", credential=credential.id, error=str(exc))


def _tier(loaded: Chunk) -> Chunk:
    """Return the tier to enrol in. Errors: Refused when there is none that needs no project of the account's own."""
    for entry in loaded.get("ineligibleTiers") or ():
        if entry.get("reasonCode") == "VALIDATION_REQUIRED" and entry.get("validationUrl"):
            raise _ineligible(loaded)
    allowed = loaded.get("allowedTiers") or ()
    tier: Chunk = next((tier for tier in allowed if tier.get("isDefault")), _LEGACY_TIER)
    if tier.get("userDefinedCloudaicompanionProject"):
        raise _ineligible(loaded)
    return tier


def _ineligible(loaded: Chunk) -> Refused:
    """Return the error that says, in Google's own words, why an account cannot be used."""
    entries = loaded.get("ineligibleTiers") or ()
    reasons = [str(entry[key]) for entry in entries for key in ("reasonMessage", "validationUrl") if key in entry]
    codes = ", ".join(str(entry["reasonCode"]) for entry in entries if "reasonCode" in entry)
    return Refused(
        f"The proxy's account cannot use Gemini Code Assist ({codes or 'no project'}).",
        verdict=Verdict("credential", "disable", None, " ".join(reasons) or _NEEDS_PROJECT),
        status=502,
        error_type="provider_auth",
    )


def _unwilling(step: str, said: str) -> Refused:
    """Return the error of a step that Code Assist refuses for a reason that may pass."""
    return Refused(
        "The proxy could not find the project of its account.",
        verdict=Verdict("credential", "cool", None, f"{step}: {said}"),
        status=502,
        error_type="provider_auth",
    )


def _account(credential: Credential) -> str:
    """Return what tells accounts apart: a credential's id may be given to another one."""
    return credential.refresh_token or credential.id


def _id_of(project: Any) -> str:
    """Return a project's id, which is a text in one answer and an object in another."""
    if isinstance(project, dict):
        project = project.get("id")
    return project if isinstance(project, str) else ""
