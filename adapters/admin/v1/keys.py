"""Resource `keys`: client API keys and their quotas."""

from typing import Any

import msgspec

from adapters.admin.ask import Ask
from adapters.admin.key_view import key_view, key_views
from adapters.admin.operation import Operation, Refusal, not_found
from adapters.admin.shapes import Key, KeyOptions, Keys, NewKey


async def list_keys(ask: Ask) -> Keys:
    """List client API keys with what they have used."""
    return Keys(await key_views(ask.office))


async def create_key(ask: Ask) -> NewKey:
    """Make a client API key; its secret is shown this once."""
    try:
        secret, key = ask.office.keys.create(_options(ask.body))
    except ValueError as exc:
        raise Refusal(422, "invalid", str(exc)) from exc
    await ask.office.settle_keys()
    return NewKey(secret, await key_view(ask.office, key))


async def show_key(ask: Ask) -> Key:
    """Return one key."""
    key = await ask.office.keys.find(ask.path["id"])
    if key is None:
        raise not_found("key", ask.path["id"])
    return await key_view(ask.office, key)


async def update_key(ask: Ask) -> Key:
    """Change what a key is good for."""
    try:
        key = await ask.office.keys.update(ask.path["id"], _options(ask.body))
    except ValueError as exc:
        raise Refusal(422, "invalid", str(exc)) from exc
    if key is None:
        raise not_found("key", ask.path["id"])
    await ask.office.settle_keys()
    return await key_view(ask.office, key)


async def revoke_key(ask: Ask) -> None:
    """Revoke a key for good."""
    if not await ask.office.keys.revoke(ask.path["id"]):
        raise not_found("key", ask.path["id"])
    await ask.office.settle_keys()


def _options(options: KeyOptions) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(options).items() if value is not None}


OPERATIONS = (
    Operation(method="GET", path="/keys", run=list_keys, answer=Keys),
    Operation(method="POST", path="/keys", run=create_key, body=KeyOptions, answer=NewKey, status=201),
    Operation(method="GET", path="/keys/{id}", run=show_key, answer=Key),
    Operation(method="PATCH", path="/keys/{id}", run=update_key, body=KeyOptions, answer=Key),
    Operation(method="DELETE", path="/keys/{id}", run=revoke_key, status=204),
)
