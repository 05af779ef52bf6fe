"""gcli2api's shared stores, on real servers: Redis, PostgreSQL and the wire protocol of MongoDB."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pymongo
import pytest
import redis

from pollux.imports.plan import ImportFailed
from tests.pollux.imports.rig import LATER, NOW, account, left, planned, settings
from tests.stores.servers import Servers, servers

if TYPE_CHECKING:
    from pollux.imports.plan import ImportPlan

__all__ = ["servers"]

KEY = "sk-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde"
CREDENTIALS = {
    "1.json": {"credential": account(1), "state": {"disabled": True, "user_email": "one@example.com"}, "stats": {}},
    "2.json": {"credential": account(2), "state": {"disabled": False, "cooldown_until": LATER}, "stats": {}},
}
CONFIG = {"calls_per_rotation": 50, "api_password": "made-up", "model_costs": {"gemini-2.5-pro": 12}}
KEYS = {KEY: {"total_quota": 1000, "used_quota": 7, "created_at": 1700000000.0, "description": "Alice"}}


def check_late_2025(plan: ImportPlan) -> None:
    one, two = plan.credentials
    assert (one.credential.id, one.credential.email) == ("1", "one@example.com")
    assert one.conditions["project-1"].disabled
    assert two.conditions["project-2"].rests == {"": LATER}
    assert settings(plan) == {"scheduling.calls_per_rotation": 50, "auth.api_password": "made-up"}
    assert {each.name: each.cost for each in plan.costs} == {"gemini-2.5-pro": 12}
    assert [(each.secret, each.used) for each in plan.keys] == [(KEY, 7)]


def check_2026(plan: ImportPlan) -> None:
    (item,) = plan.credentials
    assert (item.credential.id, item.credential.email) == ("3", "three@example.com")
    assert item.conditions["project-3"].disabled
    assert item.conditions["project-3"].rests == {"gemini-2.5-pro": LATER}
    assert settings(plan) == {"stages.anti-truncation.attempts": 5}
    assert list(left(plan)) == ["1 Antigravity credentials"]


def row(**fields: Any) -> dict[str, Any]:
    return {
        "filename": "3.json",
        "credential_data": json.dumps(account(3)),
        "disabled": 1,
        "user_email": "three@example.com",
        "model_cooldowns": json.dumps({"gemini-2.5-pro": LATER, "gemini-2.5-flash": NOW - 1}),
    } | fields


def test_redis_of_late_2025_is_taken(servers: Servers) -> None:
    redis_url = servers["redis"].fresh()
    with redis.Redis.from_url(redis_url) as client:
        with pytest.raises(ImportFailed, match="holds nothing of gcli2api's"):
            planned(redis_url)
        for name, table in (("credentials", CREDENTIALS), ("config", CONFIG), ("api_keys", KEYS)):
            client.hset(f"gcli2api:{name}", mapping={key: json.dumps(value) for key, value in table.items()})
        before = client.dbsize()
        plan = planned(redis_url)
        assert client.dbsize() == before
    check_late_2025(plan)
    assert plan.source == redis_url


def test_postgres_of_late_2025_and_of_2026_is_taken(servers: Servers) -> None:
    postgres_url = servers["postgres"].fresh()
    with pytest.raises(ImportFailed, match="holds nothing of gcli2api's"):
        planned(postgres_url)

    async def write(statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(statement, *values)
        await connection.close()

    asyncio.run(write("CREATE TABLE unified_storage (key TEXT PRIMARY KEY, data JSONB)"))
    for key, table in (("all_credentials", CREDENTIALS), ("config_data", CONFIG), ("api_keys_data", KEYS)):
        asyncio.run(write("INSERT INTO unified_storage VALUES ($1, $2)", key, json.dumps(table)))
    check_late_2025(planned(postgres_url))
    asyncio.run(write("DROP TABLE unified_storage"))
    columns = "filename TEXT, credential_data TEXT, disabled INT, user_email TEXT, model_cooldowns TEXT"
    asyncio.run(write(f"CREATE TABLE credentials ({columns})"))
    asyncio.run(write("INSERT INTO credentials VALUES ($1, $2, $3, $4, $5)", *row().values()))
    asyncio.run(write("CREATE TABLE antigravity_credentials AS SELECT filename FROM credentials"))
    asyncio.run(write("CREATE TABLE config AS SELECT 'anti_truncation_max_attempts' AS key, '5' AS value"))
    check_2026(planned(postgres_url))


def test_mongo_of_late_2025_and_of_2026_is_taken(servers: Servers) -> None:
    mongo_url = servers["mongo"].fresh()
    with pytest.raises(ImportFailed, match="holds nothing of gcli2api's"):
        planned(mongo_url)
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongo_url)
    with client:
        client.get_default_database()["credentials_data"].insert_many(
            [
                {
                    "key": "all_credentials",
                    "data": {key.replace(".json", ""): each for key, each in CREDENTIALS.items()},
                },
                {"key": "config_data", "data": {**CONFIG, "model_costs": {"gemini-2.5-pro": 12}}},
                {"key": "api_keys_data", "data": KEYS},
            ]
        )
        check_late_2025(planned(mongo_url))
        client.get_default_database()["credentials_data"].delete_many({})
        other = client[f"{client.get_default_database().name}-other"]
        cooldowns = {"gemini-2-5-pro": LATER, "gemini-2-5-flash": NOW - 1}
        other["credentials"].insert_one(row(credential_data=account(3), model_cooldowns=cooldowns))
        other["antigravity_credentials"].insert_one({"filename": "x.json"})
        other["config"].insert_one({"key": "anti_truncation_max_attempts", "value": 5})
    check_2026(planned(f"{mongo_url}-other"))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "postgresql://u:secret@127.0.0.1:1/db"])
def test_store_that_cannot_be_reached_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ImportFailed, match=r"127\.0\.0\.1:1\S* cannot be re") as caught:
        planned(url)
    assert "secret" not in str(caught.value)
