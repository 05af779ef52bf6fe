"""The Google Cloud projects of an account, and the services they need.

Source: cloudresourcemanager v1 `projects.list`, serviceusage v1 `services.enable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec import Struct

from adapters.endpoints import GOOGLE, Endpoints
from pipeline.errors import UpstreamError

if TYPE_CHECKING:
    from adapters.egress import Egress, Fetched

log = structlog.get_logger(__name__)

SERVICES = ("cloudaicompanion.googleapis.com", "geminicloudassist.googleapis.com")
"""What a project must have switched on for Code Assist."""

_MOST_PAGES = 10


class CloudProject(Struct, frozen=True):
    """A project that an account may use."""

    id: str
    name: str = ""
    number: str = ""


class CloudProjects:
    """Lists an account's projects and switches services on; what an account may not do is left undone."""

    def __init__(self, egress: Egress, endpoints: Endpoints = GOOGLE) -> None:
        self._egress = egress
        self._endpoints = endpoints

    async def list(self, token: str) -> list[CloudProject]:
        """Return the active projects; none where Google does not say."""
        found: list[CloudProject] = []
        page = ""
        for _ in range(_MOST_PAGES):
            query = f"?pageToken={page}" if page else ""
            answer = await self._asked("GET", f"{self._endpoints.resource_manager}/v1/projects{query}", token)
            for each in answer.get("projects") or ():
                if each.get("lifecycleState") == "ACTIVE":
                    identity = str(each.get("projectId", ""))
                    found.append(CloudProject(identity, str(each.get("name", "")), str(each.get("projectNumber", ""))))
            page = str(answer.get("nextPageToken") or "")
            if not page:
                break
        return found

    async def enable(self, token: str, project: str) -> None:
        """Switch on what Code Assist needs; that an account may not do so is no error, it may be on already."""
        for service in SERVICES:
            url = f"{self._endpoints.service_usage}/v1/projects/{project}/services/{service}"
            if (await self._asked("GET", url, token)).get("state") != "ENABLED":
                await self._asked("POST", f"{url}:enable", token)

    async def _asked(self, method: str, url: str, token: str) -> dict[str, Any]:
        headers = [(b"authorization", b"Bearer " + token.encode()), (b"content-type", b"application/json")]
        try:
            fetched = await self._egress.fetch(method, url, headers, b"{}" if method == "POST" else b"")
        except UpstreamError as exc:
            log.warning("google cloud was not reached", url=url, error=exc.message)
            return {}
        return _read(fetched, url)


def likeliest(projects: list[CloudProject]) -> CloudProject | None:
    """Return the project to use where nobody can be asked: one that calls itself the default, else the first."""
    named = (each for each in projects if "default" in f"{each.id} {each.name}".lower())
    return next(named, projects[0] if projects else None)


def _read(fetched: Fetched, url: str) -> dict[str, Any]:
    if fetched.status != 200:
        log.info("google cloud refused", url=url, status=fetched.status)
        return {}
    try:
        answer: Any = msgspec.json.decode(fetched.body)
    except msgspec.MsgspecError:
        return {}
    return answer if isinstance(answer, dict) else {}
