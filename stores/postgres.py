"""State in PostgreSQL."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from pipeline.errors import StoreAway
from pipeline.ports import Account
from stores.backend import Batch
from stores.postgres_schema import migrate

_CHANNEL = "pollux_changed"
_TIMEOUT = 5.0
_CONNECTIONS = 4
"""Connections at most, besides the one that listens: nothing on the hot path waits for them."""
_SILENCE = 10.0
"""Seconds without a notification after which the connection is tried."""

_COUNTS = "SELECT key, name, amount FROM pollux.counter WHERE kind = $1"
_ONCE = """
INSERT INTO pollux.writer (id, number) VALUES ($1, $2) ON CONFLICT (id)
    DO UPDATE SET number = excluded.number, at = now() WHERE writer.number < excluded.number RETURNING number
"""
# Rows are locked in one order by everybody, so that no two batches wait for each other.
_PUT = """
INSERT INTO pollux.state SELECT kind, key, document::json
    FROM unnest($1::text[], $2::text[], $3::text[]) AS new (kind, key, document) ORDER BY kind, key
    ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document
"""
_DROP = "DELETE FROM pollux.state WHERE (kind, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_DISCOUNT = "DELETE FROM pollux.counter WHERE (kind, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_ADD = """
INSERT INTO pollux.counter SELECT *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS new (kind, key, name, amount) ORDER BY 1, 2, 3
    ON CONFLICT (kind, key, name) DO UPDATE SET amount = counter.amount + excluded.amount
"""
_ACCOUNTS = """
SELECT name, spent, holder, amount FROM pollux.account LEFT JOIN pollux.lease ON account = name
    WHERE starts_with(name, $1)
"""
_CLAIM = """
INSERT INTO pollux.claim VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) ON CONFLICT (name)
    DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE claim.holder = excluded.holder OR claim.until <= clock_timestamp() RETURNING true
"""


class PostgresBackend:
    """Tables in the schema `pollux`, which is made and migrated when it is opened."""

    name = "postgres"

    def __init__(self, pool: Any, url: str, options: dict[str, Any]) -> None:
        self._pool = pool
        self._url = url
        self._options = options
        self._writer = uuid4().hex

    @classmethod
    async def open(cls, url: str, database: str = "") -> "PostgresBackend":
        """Connect and migrate. Errors: StoreError."""
        options: dict[str, Any] = {"timeout": _TIMEOUT, "command_timeout": _TIMEOUT}
        options["server_settings"] = {"application_name": "pollux"}
        if database:
            options["database"] = database
        async with _translated():
            pool = await asyncpg.create_pool(url, min_size=0, max_size=_CONNECTIONS, **options)
            async with AsyncExitStack() as undo:
                undo.callback(pool.terminate)
                async with pool.acquire() as connection:
                    await migrate(connection)
                undo.pop_all()
        return cls(pool, url, options)

    async def load(self, kind: str) -> dict[str, bytes]:
        rows = await self._fetch("SELECT key, document::text FROM pollux.state WHERE kind = $1", kind)
        return {key: document.encode() for key, document in rows}

    async def get(self, kind: str, key: str) -> bytes | None:
        rows = await self._fetch("SELECT document::text FROM pollux.state WHERE kind = $1 AND key = $2", kind, key)
        return rows[0][0].encode() if rows else None

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for key, name, amount in await self._fetch(_COUNTS, kind):
            found.setdefault(key, {})[name] = amount
        return found

    async def write(self, batch: Batch) -> None:
        async with _translated(), self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_ONCE, self._writer, batch.number) is None:
                return  # it was written, and the answer was lost
            for statement, rows in _statements(batch):
                if rows:
                    await connection.execute(statement, *map(list, zip(*rows, strict=True)))
            if batch.documents:
                heard = msgspec.json.encode([self._writer, batch.kinds()]).decode()
                await connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, heard)

    async def take(self, op: str, account: str, holder: str, amount: int, limit: int) -> int:
        statement = "SELECT pollux.take($1, $2, $3, $4, $5)"
        return int((await self._fetch(statement, op, account, holder, amount, limit))[0][0])

    async def settle(self, op: str, account: str, holder: str, spent: int, back: int) -> None:
        await self._fetch("SELECT pollux.settle($1, $2, $3, $4, $5)", op, account, holder, spent, back)

    async def accounts(self, prefix: str) -> dict[str, Account]:
        found: dict[str, Account] = {}
        for name, spent, holder, amount in await self._fetch(_ACCOUNTS, prefix):
            account = found.setdefault(name, Account(spent))
            if holder is not None:
                account.leased[holder] = amount
        return found

    async def close_account(self, account: str) -> None:
        await self._fetch("DELETE FROM pollux.account WHERE name = $1", account)

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        return bool(await self._fetch(_CLAIM, name, holder, seconds))

    async def changes(self) -> AsyncGenerator[set[str], None]:
        heard: asyncio.Queue[str] = asyncio.Queue()
        async with _translated():
            connection = await asyncpg.connect(self._url, **self._options)
            try:
                connection.add_termination_listener(lambda _: heard.put_nowait(""))
                await connection.add_listener(_CHANNEL, lambda *told: heard.put_nowait(told[-1]))
                yield set()
                while True:
                    kinds = await self._next(heard, connection)
                    if kinds:
                        yield kinds
            finally:
                connection.terminate()

    async def close(self) -> None:
        async with _translated():
            await self._pool.close()

    async def _next(self, heard: asyncio.Queue[str], connection: Any) -> set[str]:
        """Return the kinds that the next notification names, if it is another's."""
        try:
            async with asyncio.timeout(_SILENCE):
                told = await heard.get()
        except TimeoutError:
            await connection.execute("SELECT 1")
            return set()
        if not told:
            raise ConnectionResetError("the connection that listens was closed")
        writer, kinds = msgspec.json.decode(told, type=tuple[str, set[str]])
        return set() if writer == self._writer else kinds

    async def _fetch(self, statement: str, *values: object) -> list[Any]:
        async with _translated(), self._pool.acquire() as connection:
            rows: list[Any] = await connection.fetch(statement, *values)
            return rows


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError) as exc:
        raise StoreAway(f"PostgreSQL cannot be used: {exc or type(exc).__name__}") from exc


def _statements(batch: Batch) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return what changes a batch makes, in order: a statement, and rows of values for it."""
    kept = [(*place, document.decode()) for place, document in batch.documents.items() if document is not None]
    removed = [place for place, document in batch.documents.items() if document is None]
    added = [(*place, *each) for place, amounts in batch.counts.items() for each in amounts.items()]
    return [(_PUT, kept), (_DROP, removed), (_DISCOUNT, list(batch.discounts)), (_ADD, added)]
