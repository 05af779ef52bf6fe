"""What every state store promises to several processes that share it."""

import asyncio
import subprocess
import sys
import time

import msgspec
import pytest

from pollux.storage import opened

PROCESS = """
import asyncio, sys
import msgspec
from pollux.settings import Storage
from pollux.storage import opened

storage, work, name = msgspec.json.decode(sys.argv[1], type=Storage), sys.argv[2], sys.argv[3]

async def take(state):
    asked = (state.take("account", f"{name}.{each % 2}", 1, 150) for each in range(200))
    print(sum(await asyncio.gather(*asked)))

async def write(state):
    for number in range(1, 1_000_000):
        state.put("written", f"{name}-{number % 50}", {"number": number, "text": "x" * 1000})
        state.count("written", name, {"calls": 1})
        await state.flush()
        print(number, flush=True)

async def main():
    state = await opened(storage)
    try:
        await {"take": take, "write": write}[work](state)
    finally:
        await state.close()

asyncio.run(main())
"""


def process(storage, work, name):
    command = [sys.executable, "-c", PROCESS, msgspec.json.encode(storage).decode(), work, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_state_outlives_the_store_that_wrote_it(storage):
    first = await opened(storage)
    first.put("kind", "a", {"b": 1})
    first.count("usage", "a", {"calls": 2})
    await first.close()
    second = await opened(storage)
    assert await second.load("kind") == {"a": {"b": 1}}
    assert await second.counts("usage") == {"a": {"calls": 2}}
    await second.close()


async def test_put_is_seen_by_others_soon_without_a_flush(another):
    mine, other = await another(), await another()
    mine.put("kind", "a", {})
    deadline = time.monotonic() + 2
    while not await other.load("kind"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_change_is_told_to_others_by_its_kind(another, storage):
    mine, other = await another(), await another()
    told, mistaken = asyncio.Event(), asyncio.Event()
    other.watch("cooldown", told.set)
    other.watch("rotation", mistaken.set)
    mine.watch("cooldown", mistaken.set)
    for number in range(3):
        mine.put("cooldown", "a", {"number": number})
        await mine.flush()
        began = time.monotonic()
        await asyncio.wait_for(told.wait(), 5)
        assert time.monotonic() - began < (1.0 if storage.url else 0.5)  # 50 ms on one host, on an idle machine
        assert await other.load("cooldown") == {"a": {"number": number}}
        told.clear()
    mine.put("cooldown", "a", None)
    await mine.flush()
    await asyncio.wait_for(told.wait(), 5)
    assert not mistaken.is_set()


async def test_counts_of_all_add_up(another):
    stores = [await another() for _ in range(3)]
    for _ in range(10):
        for store in stores:
            store.count("usage", "a", {"calls": 1})
        await asyncio.gather(*(store.flush() for store in stores))
    assert await stores[0].counts("usage") == {"a": {"calls": 30}}


async def test_claim_is_of_one_process(another):
    one, two = await another(), await another()
    claims = await asyncio.gather(*(store.claim("refresh", name, 60) for store, name in ((one, "1"), (two, "2")) * 5))
    assert set(claims) == {True, False}
    assert len(set(claims[0::2])) == len(set(claims[1::2])) == 1


async def test_processes_never_take_more_than_there_is(another, storage):
    takers = [process(storage, "take", name) for name in ("one", "two")]
    granted = [await asyncio.to_thread(taker.communicate) for taker in takers]
    assert sum(int(out) for out, _ in granted) == 150
    (account,) = (await (await another()).accounts("account")).values()
    assert (account.spent, sum(account.leased.values())) == (0, 150)


@pytest.mark.parametrize("after", [0.02, 0.15])
async def test_process_killed_while_it_writes_loses_nothing_it_was_told_is_durable(another, storage, after):
    writer = process(storage, "write", "w")
    assert writer.stdout is not None
    await asyncio.to_thread(writer.stdout.readline)
    await asyncio.sleep(after)
    writer.kill()
    rest, _ = await asyncio.to_thread(writer.communicate)
    durable = max([1, *map(int, rest.split())])
    state = await another()
    counted = (await state.counts("written"))["w"]["calls"]
    assert counted in {durable, durable + 1}
    numbers = {document["number"] for document in (await state.load("written")).values()}
    assert max(numbers) in {durable, durable + 1}
    assert len(numbers) == min(50, max(numbers))
    assert all(len(each["text"]) == 1000 for each in (await state.load("written")).values())
