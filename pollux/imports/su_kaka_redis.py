"""gcli2api's Redis store of late 2025; later versions keep nothing but a cache there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports import su_kaka_documents as documents
from pollux.imports.plan import ImportFailed

if TYPE_CHECKING:
    from pollux.imports.findings import Findings

SCHEMES = frozenset({"redis", "rediss", "unix"})
_HASHES = ("gcli2api:credentials", "gcli2api:config", "gcli2api:api_keys")


async def read(url: str, origin: str, findings: Findings) -> None:
    """Take what its three hashes hold. Errors: ImportFailed."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client: Any = Redis.from_url(url)
    try:
        held = [await client.hgetall(name) for name in _HASHES]
    except (RedisError, OSError) as exc:
        raise ImportFailed(f"{origin} cannot be read: {exc}") from exc
    finally:
        await client.aclose()
    tables = [{name.decode(): _decoded(value) for name, value in sorted(each.items())} for each in held]
    if not any(tables):
        raise ImportFailed(f"{origin} holds nothing of gcli2api's")
    documents.take_unified(tables, origin, findings)


def _decoded(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value.decode(errors="replace")
