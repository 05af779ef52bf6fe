"""State in MongoDB."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

from pymongo import AsyncMongoClient, DeleteOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from pipeline.errors import StoreAway, StoreError
from pipeline.ports import Account
from stores.account import granted, settled, taken
from stores.backend import Batch, Place, moved

Document = dict[str, Any]

_TIMEOUT_MS = 5000
_SELECTION_MS = 2000
_POLL = 0.25
"""Seconds between looks at what others changed: change streams need a replica set, and this does not."""
_DAY = 86400
_CALLS = 100
"""How many calls an account remembers, so that one whose answer was lost can be repeated."""
_DUPLICATE = 11000
_AT_ONCE = 500
"""Operations in one command, so that a slow server is done with it in time."""


class MongoBackend:
    """Collections of documents, counters, accounts and claims.

    Shape: needs no replica set; with one, what is written survives the loss of the primary.
    """

    name = "mongo"

    def __init__(self, mongo: AsyncMongoClient[Document], database: AsyncDatabase[Document]) -> None:
        self._mongo = mongo
        self._admin = mongo.admin
        self._state = database.get_collection("state")
        self._counters = database.get_collection("counter")
        self._accounts = database.get_collection("account")
        self._claims = database.get_collection("claim")
        self._changes = database.get_collection("change")
        self._writer = uuid4().hex
        self._settling = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, database: str = "") -> "MongoBackend":
        """Connect, and make indexes. Errors: StoreError."""
        with _translated():
            mongo: AsyncMongoClient[Document] = AsyncMongoClient(
                url,
                appname="pollux",
                journal=True,
                serverSelectionTimeoutMS=_SELECTION_MS,
                connectTimeoutMS=_TIMEOUT_MS,
                socketTimeoutMS=_TIMEOUT_MS,
            )
        async with AsyncExitStack() as undo:
            undo.push_async_callback(mongo.close)
            with _translated():
                await mongo.admin.command("ping")
                chosen = mongo.get_database(database) if database else mongo.get_default_database("pollux")
                backend = cls(mongo, chosen)
                await backend._state.create_index("kind")
                await backend._counters.create_index("kind")
                await backend._changes.create_index("at", expireAfterSeconds=_DAY)
            undo.pop_all()
        return backend

    async def load(self, kind: str) -> dict[str, bytes]:
        with _translated():
            return {each["key"]: each["document"].encode() async for each in self._state.find({"kind": kind})}

    async def get(self, kind: str, key: str) -> bytes | None:
        with _translated():
            found = await self._state.find_one({"_id": _id(kind, key)})
        return None if found is None else found["document"].encode()

    async def counts(self, kind: str) -> dict[str, dict[str, int]]:
        with _translated():
            rows = [each async for each in self._counters.find({"kind": kind})]
        amounts = {each["key"]: each["amounts"] for each in rows}
        return {key: {_name(field): amount for field, amount in each.items()} for key, each in amounts.items() if each}

    async def write(self, batch: Batch) -> None:
        with _translated():
            if batch.documents:
                changes = [_change(place, document) for place, document in batch.documents.items()]
                await _bulk(self._state, changes)
            if batch.discounts:
                forgotten = [DeleteOne({"_id": _id(*place)}) for place in batch.discounts]
                await _bulk(self._counters, forgotten)
            if batch.counts:
                await self._add(batch)
            if batch.documents:
                await self._changes.bulk_write([self._notice(kind, batch.number) for kind in batch.kinds()])

    async def take(self, op: str, account: str, holder: str, amount: int, limit: int) -> int:
        async with self._settling:
            while True:
                document = await self._account(account)
                calls = dict(document["calls"])
                if op in calls:
                    return int(calls[op])
                known = _read_account(document)
                grant = granted(known, amount, limit)
                if await self._replaced(document, taken(known, holder, grant) if grant else known, [op, grant]):
                    return grant

    async def settle(self, op: str, account: str, holder: str, spent: int, back: int) -> None:
        async with self._settling:
            while True:
                document = await self._account(account)
                done = settled(_read_account(document), holder, spent, back)
                if op in dict(document["calls"]) or await self._replaced(document, done, [op, 0]):
                    return

    async def accounts(self, prefix: str) -> dict[str, Account]:
        query = {"_id": {"$gte": prefix, "$lt": prefix + "\U0010ffff"}}
        with _translated():
            return {each["_id"]: _read_account(each) async for each in self._accounts.find(query)}

    async def close_account(self, account: str) -> None:
        with _translated():
            await self._accounts.delete_one({"_id": account})

    async def claim(self, name: str, holder: str, seconds: float) -> bool:
        with _translated():
            # The server's clock, as those of several machines differ.
            now = (await self._admin.command("hello"))["localTime"].replace(tzinfo=UTC)
            free = {"_id": name, "$or": [{"holder": holder}, {"until": {"$lte": now}}]}
            held = {"holder": holder, "until": now + timedelta(seconds=seconds)}
            with suppress(DuplicateKeyError):
                await self._claims.update_one(free, {"$set": held}, upsert=True)
                return True
        return False

    async def changes(self) -> AsyncGenerator[set[str], None]:
        seen = await self._noticed()
        yield set()
        while True:
            await asyncio.sleep(_POLL)
            now = await self._noticed()
            kinds, seen = moved(seen, now), now
            if kinds:
                yield kinds

    async def close(self) -> None:
        mine = f"seen.{self._writer}"
        try:
            with _translated():
                await self._counters.update_many({mine: {"$exists": True}}, {"$unset": {mine: ""}})
        except StoreError:
            pass  # a number that nobody asks for any more stays behind
        await self._mongo.close()

    async def _add(self, batch: Batch) -> None:
        """Add to counters, once: each remembers the last batch of every process that added to it."""
        seen = f"seen.{self._writer}"
        made, added = [], []
        for (kind, key), amounts in batch.counts.items():
            counter = {"_id": _id(kind, key)}
            new = {"$setOnInsert": {"kind": kind, "key": key, "amounts": {}, "seen": {}}}
            made.append(UpdateOne(counter, new, upsert=True))
            sums = {f"amounts.{_field(name)}": amount for name, amount in amounts.items()}
            unseen = {"$or": [{**counter, seen: {"$exists": False}}, {**counter, seen: {"$lt": batch.number}}]}
            added.append(UpdateOne(unseen, {"$inc": sums, "$set": {seen: batch.number}}))
        await _bulk(self._counters, made)
        await _bulk(self._counters, added)

    def _notice(self, kind: str, number: int) -> UpdateOne:
        told = {"kind": kind, "writer": self._writer, "number": number, "at": datetime.now(UTC)}
        return UpdateOne({"_id": _id(kind, self._writer)}, {"$set": told}, upsert=True)

    async def _noticed(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with _translated():
            async for each in self._changes.find({"writer": {"$ne": self._writer}}):
                found.setdefault(each["kind"], {})[each["writer"]] = each["number"]
        return found

    async def _account(self, name: str) -> Document:
        with _translated():
            found = await self._accounts.find_one({"_id": name})
            if found is None:
                found = {"_id": name, "version": 0, "spent": 0, "leased": [], "calls": []}
                with suppress(DuplicateKeyError):
                    await self._accounts.insert_one(found)
        return found

    async def _replaced(self, before: Document, account: Account, call: list[Any]) -> bool:
        """Put an account in place of what was read; False when another process was faster."""
        after = {
            "version": before["version"] + 1,
            "spent": account.spent,
            "leased": [list(each) for each in account.leased.items()],
            "calls": [*before["calls"], call][-_CALLS:],
        }
        unchanged = {"_id": before["_id"], "version": before["version"]}
        with _translated():
            return (await self._accounts.replace_one(unchanged, after)).matched_count == 1


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (PyMongoError, OSError, ValueError) as exc:
        raise StoreAway(f"MongoDB cannot be used: {exc or type(exc).__name__}") from exc


async def _bulk(collection: AsyncCollection[Document], operations: Sequence[DeleteOne | UpdateOne]) -> None:
    """Carry out operations, each of which may be repeated, some at a time."""
    for first in range(0, len(operations), _AT_ONCE):
        some = operations[first : first + _AT_ONCE]
        try:
            await collection.bulk_write(some, ordered=False)
        except BulkWriteError as exc:
            if any(each["code"] != _DUPLICATE for each in exc.details["writeErrors"]):
                raise
            await collection.bulk_write(some, ordered=False)  # another process made one meanwhile: now it is there


def _change(place: Place, document: bytes | None) -> DeleteOne | UpdateOne:
    if document is None:
        return DeleteOne({"_id": _id(*place)})
    kind, key = place
    kept = {"kind": kind, "key": key, "document": document.decode()}
    return UpdateOne({"_id": _id(kind, key)}, {"$set": kept}, upsert=True)


def _read_account(document: Document) -> Account:
    return Account(document["spent"], dict(document["leased"]))


def _id(kind: str, key: str) -> str:
    return f"{kind}/{key}"


def _field(name: str) -> str:
    """Return a counter's name as a field: dots and dollars mean something in MongoDB."""
    return quote(name, safe=" /:,").replace(".", "%2E")


def _name(field: str) -> str:
    return unquote(field)
