"""A database that goes away, and one whose answers are lost: nothing is lost, and nothing counts twice."""

import asyncio
import gc
import re
import time

import pytest

from pipeline.errors import StoreError
from pollux.settings import Storage
from pollux.storage import opened
from tests.stores.servers import SERVERS
from tests.stores.wire import Wire

# pymongo 4.20 forgets the sockets of connections that fail, or whose client is closed, while it makes them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

WRITING = {"redis": b"EVALSHA", "postgres": b"COMMIT", "mongo": b"$inc", "mongod": b"$inc"}
"""What is in the last request that writes a batch."""
TAKING = {"redis": b"EVALSHA", "postgres": b"\x00", "mongo": b"calls", "mongod": b"calls"}


@pytest.fixture(autouse=True)
def _forgotten_is_collected():
    """What a driver forgot is met here and not in another module's test."""
    yield
    gc.collect()


@pytest.fixture(params=SERVERS)
def name(request):
    return request.param


@pytest.fixture
async def state(name, servers):
    store = await opened(Storage(url=servers[name].fresh()))
    yield store
    await store.close()


async def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_server_away_under_load_loses_nothing(state, name, servers, how):
    server, running, done = servers[name], asyncio.Event(), 0

    async def load():
        nonlocal done
        while not running.is_set():
            state.put("kind", str(done % 20), {"number": done})
            state.count("usage", "a", {"calls": 1})
            done += 1
            await asyncio.sleep(0.001)

    loading = asyncio.create_task(load())
    await asyncio.sleep(0.2)
    await asyncio.to_thread(getattr(server, how))
    try:
        await until(lambda: not state.healthy and state.depth)
        with pytest.raises(StoreError):
            await state.load("kind")
        latest = await state.get("kind", str((done - 1) % 20))  # what waits is served from memory
        assert latest is not None
        assert latest["number"] >= done - 20
    finally:
        await asyncio.to_thread(server.start)
    await until(lambda: state.healthy)
    await asyncio.sleep(0.2)
    running.set()
    await loading
    await state.flush()
    assert await state.counts("usage") == {"a": {"calls": done}}
    assert max(each["number"] for each in (await state.load("kind")).values()) == done - 1
    assert (state.depth, state.dropped, state.healthy) == (0, 0, True)


async def test_lease_survives_an_outage_of_the_server(state, name, servers):
    assert await state.take("a", "h", 10, 100) == 10
    await asyncio.to_thread(servers[name].stop)
    taking = asyncio.create_task(state.take("a", "h", 10, 100))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(servers[name].start)
    assert await taking == 10
    await state.settle("a", "h", 15, 5)
    account = (await state.accounts("a"))["a"]
    assert (account.spent, account.leased) == (15, {})


@pytest.fixture
async def wire(name, servers):
    """A store behind a wire, and the URL of it without one."""
    url = servers[name].fresh()
    on_socket = re.search(r"/(\w+)\?host=(.+)", url)
    target = f"{on_socket[2]}/.s.PGSQL.5432" if on_socket else int(re.findall(r":(\d+)/", url)[0])
    wire = await Wire(target).open()
    through = re.sub(r":\d+/", f":{wire.port}/", url)
    if on_socket:
        through = f"postgresql://postgres@127.0.0.1:{wire.port}/{on_socket[1]}?sslmode=disable"
    store = await opened(Storage(url=through))
    yield wire, store, url
    await store.close()
    await wire.cut()
    gc.collect()


async def test_change_made_while_nobody_could_hear_is_told_later(wire):
    wire, deaf, url = wire
    told = asyncio.Event()
    deaf.watch("kind", told.set)
    await wire.cut()
    other = await opened(Storage(url=url))
    other.put("kind", "a", {})
    await other.close()
    await wire.open()
    await asyncio.wait_for(told.wait(), 10)
    assert await deaf.load("kind") == {"a": {}}


async def test_batch_whose_answer_was_lost_counts_once(wire, name):
    wire, state, _ = wire
    state.count("usage", "before", {"calls": 1})
    await state.flush()
    wire.lose_answer_to(WRITING[name])
    state.count("usage", "a", {"calls": 1})
    state.put("kind", "a", {})
    await until(lambda: wire.lost and not state.depth)
    assert (await state.counts("usage"))["a"] == {"calls": 1}
    assert await state.load("kind") == {"a": {}}


async def test_lease_whose_answer_was_lost_is_given_once(wire, name):
    wire, state, _ = wire
    await state.take("a", "h", 1, 100)
    wire.lose_answer_to(TAKING[name])
    assert await state.take("a", "h", 10, 100) == 10
    assert wire.lost
    assert (await state.accounts("a"))["a"].leased == {"h": 11}
    wire.lose_answer_to(TAKING[name])
    await state.settle("a", "h", 4, 0)
    assert ((await state.accounts("a"))["a"].spent, (await state.accounts("a"))["a"].leased) == (4, {"h": 7})


async def test_store_that_cannot_be_reached_is_an_error_and_nothing_instead(name, servers):
    url = re.sub(r":\d+/", ":1/", servers[name].fresh())
    url = re.sub(r"host=.+", "host=/nowhere", url)
    with pytest.raises(StoreError, match="cannot be used"):
        await opened(Storage(url=url))
