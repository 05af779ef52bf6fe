"""`/auth/start`, `/auth/callback`, `/auth/callback-url`, `/auth/status/{project}`."""

import asyncio
from typing import Any

from msgspec import Struct

from adapters.admin.adoption import Wish
from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Refusal
from adapters.admin.shapes import OAuthOutcome

PATIENCE = 60.0
"""Seconds that `/auth/callback` waits for the browser, as the systems replaced did."""
_LOOK = 0.5


class Start(Struct):
    """Which project a login is for."""

    project_id: str | None = None
    get_all_projects: bool = False


class Pasted(Struct):
    """The address that Google led the browser to."""

    callback_url: str
    project_id: str | None = None
    get_all_projects: bool = False


async def seed_start(ask: Ask) -> dict[str, Any]:
    """Begin a login."""
    started = await ask.office.logins.start(ask.port, _wish(ask.body))
    return {
        "auth_url": started.url,
        "state": started.state,
        "auto_project_detection": not ask.body.project_id,
        "detected_project_id": ask.body.project_id,
        "get_all_projects": ask.body.get_all_projects,
    }


async def seed_callback(ask: Ask) -> dict[str, Any]:
    """Wait until the browser has come back, and say what came of it."""
    wish, patience = _wish(ask.body), PATIENCE
    while True:
        outcome = await ask.office.logins.latest(wish, choose=True)
        if outcome is None:
            raise Refusal(400, "unknown_login", "Begin with POST /auth/start.")
        if outcome.status != "pending":
            return await _told(ask, outcome)
        if patience <= 0:
            raise Refusal(400, "pending", "The browser has not come back yet: paste its address at /auth/callback-url.")
        patience -= _LOOK
        await asyncio.sleep(_LOOK)


async def seed_callback_url(ask: Ask) -> dict[str, Any]:
    """Finish a login with a pasted address."""
    outcome = await ask.office.logins.finish(ask.body.callback_url, _wish(ask.body), contributor=False)
    return await _told(ask, outcome)


async def seed_status(ask: Ask) -> dict[str, Any]:
    """Say how the latest login for a project stands."""
    outcome = await ask.office.logins.latest(Wish(ask.path["project_id"]))
    if outcome is None:
        raise Refusal(404, "not_found", "No login was begun for this project.")
    status = "pending" if outcome.status == "choose" else outcome.status
    return {"status": status, "project_id": outcome.project or ask.path["project_id"], "error": outcome.error or None}


async def _told(ask: Ask, outcome: OAuthOutcome) -> dict[str, Any]:
    if outcome.status == "choose":
        projects = [
            {"name": each.name, "projectId": each.id, "projectNumber": each.number} for each in outcome.projects
        ]
        raise Refusal(400, "choose", "Choose a project.", requires_project_selection=True, available_projects=projects)
    if outcome.status != "completed":
        raise Refusal(400, "failed", outcome.error or "The login is not finished.", requires_manual_project_id=False)
    return {
        "credentials": {"project_id": outcome.project, "user_email": outcome.email},
        "file_path": f"{outcome.credential}.json",
        "message": "credential saved",
        "auto_detected_project": not ask.body.project_id,
    }


def _wish(body: Start | Pasted) -> Wish:
    return Wish(body.project_id or "", body.get_all_projects)


OPERATIONS = (
    Operation(method="POST", path="/auth/start", run=seed_start, body=Start),
    Operation(method="POST", path="/auth/callback", run=seed_callback, body=Start),
    Operation(method="POST", path="/auth/callback-url", run=seed_callback_url, body=Pasted),
    Operation(method="GET", path="/auth/status/{project_id}", run=seed_status),
)
