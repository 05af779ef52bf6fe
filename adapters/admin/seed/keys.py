"""`/auth/keys`, `/auth/quota`, `/auth/query`: client API keys with quotas."""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.admin import shapes
from adapters.admin.ask import Ask
from adapters.admin.key_view import key_view, key_views
from adapters.admin.operation import Operation, Refusal, not_found


class NewKey(Struct):
    """A key to make."""

    total_quota: Annotated[int, Meta(ge=1, le=2**48)] = 1000
    description: Annotated[str, Meta(max_length=500)] = ""


class Query(Struct):
    """A key to look up, by its secret."""

    api_key: str


async def seed_create_key(ask: Ask) -> dict[str, Any]:
    """Make a key; its secret is shown this once."""
    options = {"total_quota": ask.body.total_quota, "description": ask.body.description}
    secret, key = ask.office.keys.create(options)
    await ask.office.settle_keys()
    return _entry(await key_view(ask.office, key)) | {"api_key": secret}


async def seed_list_keys(ask: Ask) -> dict[str, Any]:
    """List keys; of their secrets only as much as may be shown."""
    keys = [_entry(each) for each in await key_views(ask.office)]
    return {"keys": keys, "total": len(keys)}


async def seed_show_key(ask: Ask) -> dict[str, Any]:
    """Return a key by its id, its mask or its secret."""
    return _stats(await _found(ask))


async def seed_delete_key(ask: Ask) -> dict[str, Any]:
    """Revoke a key."""
    key = await _found(ask)
    await ask.office.keys.revoke(key.id)
    await ask.office.settle_keys()
    return {"message": f"revoked {key.mask}", "api_key": key.mask}


async def seed_quota(ask: Ask) -> dict[str, Any]:
    """Tell the holder of a key, sent as when calling, what is left of it."""
    headers = ask.connection.headers
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        secret = headers.get("x-goog-api-key") or headers.get("x-api-key") or ask.connection.query_params.get("key", "")
    return await _of_holder(ask, secret.strip(), 401)


async def seed_query(ask: Ask) -> dict[str, Any]:
    """Tell who knows a key what is left of it."""
    return await _of_holder(ask, ask.body.api_key.strip(), 404)


async def _of_holder(ask: Ask, secret: str, otherwise: int) -> dict[str, Any]:
    ask.guard.slow_down(ask.client)
    caller = ask.office.callers.caller(secret)
    if caller is None or caller.key is None:
        raise Refusal(otherwise, "unknown_key", "There is no such API key.")
    return _stats(await key_view(ask.office, caller.key))


async def _found(ask: Ask) -> shapes.Key:
    key = await ask.office.keys.find(ask.path["key"])
    if key is None:
        raise not_found("API key", _shortened(ask.path["key"]))
    return await key_view(ask.office, key)


def _shortened(name: str) -> str:
    """Return as much of what may be a secret as an error may show."""
    return f"{name[:6]}..."


def _entry(key: shapes.Key) -> dict[str, Any]:
    created = datetime.fromtimestamp(key.created, UTC).replace(tzinfo=None)
    return {
        "id": key.id,
        "api_key": key.mask,
        "total_quota": key.total_quota,
        "used_quota": key.used_total,
        "remaining_quota": max(0, key.total_quota - key.used_total),
        "created_at": created.isoformat(timespec="seconds"),
        "description": key.description,
    }


def _stats(key: shapes.Key) -> dict[str, Any]:
    share = 100 * key.used_total / key.total_quota if key.total_quota else 0.0
    models = key.usage.models
    return _entry(key) | {
        "usage_percentage": round(share, 2),
        "model_stats": {model: counts.get("calls", 0) for model, counts in models.items()},
        "model_costs_used": {model: counts.get("cost", 0) for model, counts in models.items()},
    }


OPERATIONS = (
    Operation(method="POST", path="/auth/keys", run=seed_create_key, body=NewKey),
    Operation(method="GET", path="/auth/keys", run=seed_list_keys),
    Operation(method="GET", path="/auth/keys/{key}", run=seed_show_key),
    Operation(method="DELETE", path="/auth/keys/{key}", run=seed_delete_key),
    Operation(method="GET", path="/auth/quota", run=seed_quota, door="public"),
    Operation(method="POST", path="/auth/query", run=seed_query, body=Query, door="public"),
)
