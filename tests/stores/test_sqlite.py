"""The state file survives crashes, other processes and being somebody else's."""

import asyncio
import sqlite3
import subprocess
import sys
import time

import pytest

from pipeline.errors import StoreError
from stores.sqlite import SqliteState

CHILD = """
import asyncio, sys, time
from stores.sqlite import SqliteState
async def main():
    state = SqliteState(sys.argv[1])
    for number in range(int(sys.argv[3])):
        state.put("from", f"{sys.argv[2]}-{number}", {"number": number})
        if number % 50 == 0:
            await state.flush()
    await state.flush()
    print("flushed", flush=True)
    time.sleep(60 if sys.argv[4:] else 0)
asyncio.run(main())
"""


def loaded(path, kind):
    async def load():
        state = SqliteState(path)
        try:
            return await state.load(kind)
        finally:
            await state.close()

    return asyncio.run(load())


def test_state_outlives_the_store_that_wrote_it(tmp_path):
    state = SqliteState(tmp_path / "data/state.db")
    state.put("kind", "a", {"b": 1})
    asyncio.run(state.close())
    assert loaded(tmp_path / "data/state.db", "kind") == {"a": {"b": 1}}
    assert (tmp_path / "data/state.db").stat().st_mode & 0o777 == 0o600


async def test_put_is_durable_soon_without_a_flush(tmp_path):
    state = SqliteState(tmp_path / "state.db")
    state.put("kind", "a", {})
    other = sqlite3.connect(tmp_path / "state.db")
    deadline = time.monotonic() + 2
    while not other.execute("SELECT key FROM state").fetchall():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    other.close()
    await state.close()


async def test_put_does_not_wait_for_the_disk(tmp_path):
    state = SqliteState(tmp_path / "state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.perf_counter()
    for number in range(1_000):
        state.put("kind", str(number), {})
    assert time.perf_counter() - began < 0.2
    other.execute("ROLLBACK")
    other.close()
    assert len(await state.load("kind")) == 1_000
    await state.close()


def test_several_processes_share_one_file(tmp_path):
    path = tmp_path / "state.db"
    children = [subprocess.Popen([sys.executable, "-c", CHILD, path, str(child), "300"]) for child in range(3)]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    assert len(loaded(path, "from")) == 900


def test_process_killed_loses_nothing_that_was_flushed(tmp_path):
    path = tmp_path / "state.db"
    child = subprocess.Popen([sys.executable, "-c", CHILD, path, "x", "200", "stay"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"flushed\n"
    child.kill()
    child.wait(10)
    child.stdout.close()
    assert len(loaded(path, "from")) == 200


async def test_other_process_is_noticed(tmp_path):
    mine, other = SqliteState(tmp_path / "state.db", interval=0.02), SqliteState(tmp_path / "state.db")
    noticed = asyncio.Event()
    mine.watch(noticed.set)
    mine.put("kind", "mine", {})
    await mine.flush()
    await asyncio.sleep(0.1)
    assert not noticed.is_set()
    other.put("kind", "theirs", {})
    await asyncio.wait_for(noticed.wait(), 5)
    await mine.close()
    await other.close()


@pytest.mark.parametrize("content", [b"no database, but as long as one" * 50, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_unreadable_file_is_refused_and_left_as_it_is(tmp_path, content):
    """Seed #7: a load error became an empty store, and the empty store was written."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        SqliteState(path)
    assert path.read_bytes() == content


def test_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "credentials.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE credentials (id INTEGER)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        SqliteState(path)
    assert path.read_bytes() == before


def test_path_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(StoreError):
        SqliteState(tmp_path)


async def test_failed_write_stays_pending_and_is_not_lost(tmp_path):
    state = SqliteState(tmp_path / "state.db")
    state._database.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    state.put("kind", "a", {"number": 1})
    with pytest.raises(StoreError):
        await state.flush()
    state.put("kind", "a", {"number": 2})
    other.execute("ROLLBACK")
    other.close()
    assert await state.load("kind") == {"a": {"number": 2}}
    await state.close()
