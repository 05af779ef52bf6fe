"""`/admin/stats` and `/admin/cli-auth/import`."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Refusal

_OUT = frozenset({"disabled", "quarantined"})


class Import(Struct):
    """A credential as JSON text, and what to call it."""

    credentials: Annotated[str, Meta(min_length=1)]
    label: str | None = None


async def seed_stats(ask: Ask) -> dict[str, Any]:
    """Return the dashboard's numbers."""
    credentials, keys = await ask.office.credentials.all(), await ask.office.keys.keys()
    active = [each for each in credentials if each.state not in _OUT]
    healthy = sum(each.state == "ready" for each in active)
    usage = await ask.office.usage.today("model")
    return {
        "gemini_keys": len(credentials),
        "active_gemini_keys": len(active),
        "healthy_gemini_keys": healthy,
        "unhealthy_gemini_keys": len(active) - healthy,
        "user_keys": len(keys),
        "active_user_keys": sum(key.enabled for key in keys),
        "models": [each.name for each in await ask.office.models()],
        "usage_stats": {
            model: {"day": {"requests": each.calls, "tokens": sum(each.tokens.values())}}
            for model, each in usage.items()
        },
    }


async def seed_import(ask: Ask) -> dict[str, Any]:
    """Keep one credential that comes as text."""
    upload = await ask.office.credentials.add([(ask.body.label or "", ask.body.credentials.encode())])
    kept = next((each for each in upload.results if not each.reason), None)
    if kept is None:
        raise Refusal(400, "invalid", "; ".join(each.reason for each in upload.results) or "There is no credential.")
    found = next((each for each in await ask.office.credentials.all() if each.id == kept.id), None)
    email = found.email if found else ""
    return {"account_id": kept.id, "gemini_key_id": kept.id, "state": "imported", "account_email": email or None}


OPERATIONS = (
    Operation(method="GET", path="/admin/stats", run=seed_stats),
    Operation(method="POST", path="/admin/cli-auth/import", run=seed_import, body=Import),
)
