"""Client API keys, as the admin API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.admin import shapes
from adapters.admin.usage_view import usage_view
from pipeline.keys import KIND, account_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.admin.office import Office
    from pipeline.exchange import Key
    from pipeline.ports import Account
    from pipeline.usage import Usage


async def key_views(office: Office) -> list[shapes.Key]:
    """Return all keys with what they have used. Errors: StoreError."""
    accounts = await office.state.accounts(f"{KIND}/")
    usage = await office.usage.read("key")
    return [_view(key, office, accounts, usage) for key in await office.keys.keys()]


async def key_view(office: Office, key: Key) -> shapes.Key:
    """Return one key with what it has used. Errors: StoreError."""
    accounts = await office.state.accounts(account_of(key.id, ""))
    return _view(key, office, accounts, await office.usage.read("key"))


def _view(key: Key, office: Office, accounts: Mapping[str, Account], usage: Mapping[str, Usage]) -> shapes.Key:
    today = office.windows.day(office.clock.now()).name
    total = accounts.get(account_of(key.id, "total"))
    daily = accounts.get(account_of(key.id, "day", today))
    return shapes.Key(
        **msgspec.structs.asdict(key),
        used_total=total.spent if total else 0,
        used_today=daily.spent if daily else 0,
        usage=usage_view(usage.get(key.id)),
    )
