"""Adoption: a credential fresh from Google gets a project, and a place among the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.admin.shapes import CloudProject, OAuthOutcome
from adapters.cloud_projects import likeliest
from adapters.discovery import AUTO
from pipeline.errors import UpstreamError

if TYPE_CHECKING:
    from adapters import cloud_projects
    from adapters.cloud_projects import CloudProjects
    from adapters.discovery import Projects
    from pipeline.leases import LeasePool
    from pipeline.ports import Credential, CredentialStore

_WAITS = "waits for its project to be chosen"


class Wish(Struct):
    """Which project a login is for: that one, all of the account's, or the one that is found."""

    project: str = ""
    all_projects: bool = False


Token = Callable[["Credential"], Awaitable[str]]


class Adoption:
    """Keeps new credentials and finds their projects."""

    def __init__(
        self, store: CredentialStore, pool: LeasePool, projects: Projects, cloud: CloudProjects, token: Token
    ) -> None:
        self._store = store
        self._pool = pool
        self._projects = projects
        self._cloud = cloud
        self._token = token

    async def adopt(self, credential: Credential, wish: Wish, *, ask: bool) -> OAuthOutcome:
        """Keep a credential with the project it is to use.

        Shape: `ask` is whether somebody can be asked which of several; otherwise the likeliest is taken.
        Errors: StoreError.
        """
        if not credential.refresh_token:
            return OAuthOutcome("failed", error="Google gave no refresh token: remove the app's access and try again.")
        kept = await self._kept(credential)
        if wish.project or wish.all_projects:
            return await self._with_wish(kept, wish)
        try:
            project = await self._projects.find(kept)
            return OAuthOutcome("completed", kept.email, kept.id, project)
        except UpstreamError as exc:
            return await self._with_own(kept, exc, ask=ask)

    async def choose(self, outcome: OAuthOutcome, wish: Wish) -> OAuthOutcome:
        """Give the credential of a login its project. Errors: StoreError."""
        kept = self._named(outcome.credential)
        if kept is None:
            return OAuthOutcome("failed", outcome.email, error="This credential was removed meanwhile.")
        return await self._with_wish(kept, wish)

    async def _kept(self, credential: Credential) -> Credential:
        credential.id = credential.id or _name_of(credential)
        name = await self._store.add(credential)
        await self._pool.reload()
        return self._named(name) or credential

    async def _with_wish(self, kept: Credential, wish: Wish) -> OAuthOutcome:
        names = [wish.project] if wish.project else [each.id for each in await self._listed(kept)]
        return await self._with(kept, names or [AUTO])

    async def _with_own(self, kept: Credential, exc: UpstreamError, *, ask: bool) -> OAuthOutcome:
        """Go on with a project of the account's own, where Google manages none for it."""
        projects = await self._listed(kept)
        only = projects[0] if len(projects) == 1 else None if ask else likeliest(projects)
        if only is not None:
            return await self._with(kept, [only.id])
        if projects:
            self._pool.disable(kept.id, _WAITS)
            return OAuthOutcome("choose", kept.email, kept.id, projects=[_shown(each) for each in projects])
        await self._store.remove(kept.id)
        await self._pool.reload()
        return OAuthOutcome("failed", kept.email, error=f"{exc.message} {exc.verdict.reason}".strip())

    async def _with(self, kept: Credential, names: list[str]) -> OAuthOutcome:
        token = await self._token(kept)
        for name in names:
            if name != AUTO:
                await self._cloud.enable(token, name)
        kept.projects = names
        await self._pool.refreshed(kept)
        self._pool.enable(kept.id)
        return OAuthOutcome("completed", kept.email, kept.id, ", ".join(names))

    async def _listed(self, kept: Credential) -> list[cloud_projects.CloudProject]:
        return await self._cloud.list(await self._token(kept))

    def _named(self, name: str) -> Credential | None:
        return next((each for each in self._pool.credentials() if each.id == name), None)


def _name_of(credential: Credential) -> str:
    kept = "".join(each if each.isalnum() or each in "._-@" else "_" for each in credential.email)
    return f"login-{kept}" if kept else "login"


def _shown(project: cloud_projects.CloudProject) -> CloudProject:
    return CloudProject(project.id, project.name, project.number)
