"""PostgreSQL's tables are made once, whoever comes first, and never touched by an older version."""

import asyncio

import asyncpg
import pytest

from pipeline.errors import StoreError
from stores.postgres import PostgresBackend
from stores.postgres_schema import MIGRATIONS


@pytest.fixture
def url(servers):
    return servers["postgres"].fresh()


async def test_processes_that_start_at_once_migrate_once(url):
    backends = await asyncio.gather(*(PostgresBackend.open(url) for _ in range(4)))
    connection = await asyncpg.connect(url)
    assert [row["number"] for row in await connection.fetch("SELECT number FROM pollux.version")] == [len(MIGRATIONS)]
    await connection.close()
    await asyncio.gather(*(backend.close() for backend in backends))


async def test_tables_of_a_later_version_are_left_alone(url):
    await (await PostgresBackend.open(url)).close()
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO pollux.version VALUES (99)")
    await connection.close()
    with pytest.raises(StoreError, match="later version"):
        await PostgresBackend.open(url)


async def test_database_that_is_not_there_is_an_error(url):
    with pytest.raises(StoreError, match="does not exist"):
        await PostgresBackend.open(url, "nobody")
