"""State in Redis: one server, sentinels or a cluster."""

from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, cast
from uuid import uuid4

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.errors import StoreAway
from pipeline.ports import Account
from stores import redis_scripts as scripts
from stores.backend import Batch
from stores.redis_urls import Client, client

PREFIX = "pollux:{state}:"
"""What every key begins with; the braces keep all of them on one node of a cluster, where a script needs them."""

_CHANNEL = PREFIX + "changed"
_ACCOUNTS = PREFIX + "accounts"
_SILENCE = 10.0
"""Seconds without a message after which the connection is tried."""


class RedisBackend:
    """Hashes of documents and of counters by kind, one hash for each account.

    Shape: as durable as the server is: without `appendonly yes` or snapshots, a restart of it forgets.
    """

    name = "redis"

    def __init__(self, connected: Client, sentinels: list[Redis]) -> None:
        self._redis = connected
        self._sentinels = sentinels
        self._writer = uuid4().hex
        self._write = connected.register_script(scripts.WRITE)
        self._take = connected.register_script(scripts.TAKE)
        self._settle = connected.register_script(scripts.SETTLE)
        self._close = connected.register_script(scripts.CLOSE)
        self._claim = connected.register_script(scripts.CLAIM)

    @classmethod
    async def open(cls, url: str, database: str = "") -> "RedisBackend":
        """Connect. Errors: StoreError."""
        backend = cls(*client(url, database))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(backend.close)
            with _translated():
                await backend._redis.ping()
            undo.pop_all()
        return backend

    async def load(self, kind: str) -> dict[str, bytes]:
        return {key.decode(): document for key, document in (await self._hash(_documents(kind))).items()}

    async def get(self, kind: str, key: str) -> bytes | None:
        with _translated():
            return cast("bytes | None", await cast("Awaitable[Any]", self._redis.hget(_documents(kind), key)))

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for field, amount in (await self._hash(_counters(kind))).items():
            key, _, name = field.decode().partition("\0")
            found.setdefault(key, {})[name] = int(amount)
        return found

    async def write(self, batch: Batch) -> None:
        keys = {PREFIX + "writer:" + self._writer: 1}
        arguments: list[str | bytes | int] = []
        for verb, hash_, field, value in _changes(batch):
            arguments += [verb, keys.setdefault(hash_, len(keys) + 1), field, value]
        heard = msgspec.json.encode([self._writer, batch.kinds()]) if batch.documents else b""
        with _translated():
            await self._write(keys=list(keys), args=[batch.number, _CHANNEL, heard, *arguments])

    async def take(self, op: str, account: str, holder: str, amount: int, limit: int) -> int:
        with _translated():
            return int(await self._take(keys=_account_keys(account, op), args=[account, holder, amount, limit]))

    async def settle(self, op: str, account: str, holder: str, spent: int, back: int) -> None:
        with _translated():
            await self._settle(keys=_account_keys(account, op), args=[account, holder, spent, back])

    async def accounts(self, prefix: str) -> dict[str, Account]:
        with _translated():
            first, last = b"[" + prefix.encode(), b"[" + prefix.encode() + b"\xff"
            found = cast("list[bytes]", await self._redis.zrangebylex(_ACCOUNTS, first, last))
            names = [name.decode() for name in found]
            pipe = self._redis.pipeline(transaction=False)
            for name in names:
                pipe.hgetall(PREFIX + "account:" + name)
            fields = await pipe.execute()
        return {name: _account(each) for name, each in zip(names, fields, strict=True) if each}

    async def close_account(self, account: str) -> None:
        with _translated():
            await self._close(keys=_account_keys(account, "")[:2], args=[account])

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        with _translated():
            return bool(await self._claim(keys=[PREFIX + "claim:" + name], args=[holder, int(seconds * 1000)]))

    async def changes(self) -> AsyncGenerator[set[str], None]:
        with _translated():
            async with self._redis.pubsub() as channel:
                await channel.subscribe(_CHANNEL)
                while True:
                    message = await channel.get_message(timeout=_SILENCE)
                    if message is None:
                        continue  # the health check, which is due by now, finds out whether anybody is there
                    if message["type"] == "subscribe":
                        yield set()  # again after a connection was lost and made anew
                    elif message["type"] == "message":
                        writer, kinds = msgspec.json.decode(message["data"], type=tuple[str, set[str]])
                        if writer != self._writer:
                            yield kinds

    async def close(self) -> None:
        with _translated():
            for each in (self._redis, *self._sentinels):
                await each.aclose()

    async def _hash(self, key: str) -> dict[bytes, bytes]:
        with _translated():
            return cast("dict[bytes, bytes]", await cast("Awaitable[Any]", self._redis.hgetall(key)))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        raise StoreAway(f"Redis cannot be used: {exc or type(exc).__name__}") from exc


def _changes(batch: Batch) -> Iterator[tuple[str, str, str, bytes | int]]:
    """Yield verb, hash, field and value of every change, in order."""
    for (kind, key), document in batch.documents.items():
        yield ("drop", _documents(kind), key, b"") if document is None else ("put", _documents(kind), key, document)
    for kind, key in batch.discounts:
        yield "forget", _counters(kind), f"{key}\0", b""
    for (kind, key), amounts in batch.counts.items():
        for name, amount in amounts.items():
            yield "add", _counters(kind), f"{key}\0{name}", amount


def _documents(kind: str) -> str:
    return f"{PREFIX}documents:{kind}"


def _counters(kind: str) -> str:
    return f"{PREFIX}counters:{kind}"


def _account_keys(account: str, op: str) -> list[str]:
    return [PREFIX + "account:" + account, _ACCOUNTS, PREFIX + "call:" + op]


def _account(fields: dict[bytes, bytes]) -> Account:
    amounts = {name.decode(): int(amount) for name, amount in fields.items()}
    leased = {name.removeprefix("leased:"): amount for name, amount in amounts.items() if name != "spent"}
    return Account(amounts.get("spent", 0), leased)
