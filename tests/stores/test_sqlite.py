"""The state file survives being shared, being old, and being somebody else's."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from stores.sqlite import SqliteBackend
from stores.write_behind import WriteBehind

ROOT = Path(__file__).resolve().parents[2]


async def opened(path):
    return await WriteBehind.over(await SqliteBackend.open(path))


async def test_file_is_made_for_its_owner_only(tmp_path):
    await (await opened(tmp_path / "data/state.db")).close()
    assert (tmp_path / "data/state.db").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_all_open_a_new_file(tmp_path):
    opening = (
        "import sys, time; from pathlib import Path; from stores.sqlite_file import Glance, SqliteFile\n"
        "while time.time() < float(sys.argv[2]): pass\n"
        "path = Path(sys.argv[1]); file = SqliteFile(path, sys.argv[3]); Glance(path, sys.argv[3]).changes()"
    )
    for attempt in range(3):
        at, path = str(time.time() + 1.0), str(tmp_path / f"state-{attempt}.db")
        command = [sys.executable, "-c", opening, path, at]
        started = [subprocess.Popen([*command, str(n)], cwd=ROOT, stderr=subprocess.PIPE) for n in range(6)]
        assert [process.communicate()[1] for process in started] == [b""] * 6


async def test_opening_waits_for_a_file_that_is_busy(tmp_path):
    path = tmp_path / "state.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE state (kind)")
    other.execute("DROP TABLE state")
    other.execute("BEGIN EXCLUSIVE")  # before WAL mode, readers are shut out too
    opening = asyncio.create_task(opened(path))
    await asyncio.sleep(0.3)
    assert not opening.done()
    other.execute("ROLLBACK")
    await (await opening).close()
    other.close()


async def test_put_does_not_wait_for_the_disk(tmp_path):
    state = await opened(tmp_path / "state.db")
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


async def test_change_of_another_process_is_told_within_50_ms(tmp_path):
    mine, other = await opened(tmp_path / "state.db"), await opened(tmp_path / "state.db")
    told, took = asyncio.Event(), []
    other.watch("kind", told.set)
    for number in range(10):
        mine.put("kind", "a", {"number": number})
        await mine.flush()
        began = time.perf_counter()
        await asyncio.wait_for(told.wait(), 5)
        took.append(time.perf_counter() - began)
        told.clear()
    await mine.close()
    await other.close()
    assert sorted(took)[5] < 0.05


async def test_file_of_the_first_version_keeps_its_documents(tmp_path):
    path = tmp_path / "state.db"
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE state (kind TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (kind, key))"
        " WITHOUT ROWID"
    )
    old.execute("INSERT INTO state VALUES ('disabled', 'a', ?)", (b'{"reason":"x"}',))
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()
    state = await opened(path)
    state.count("usage", "a", {"calls": 1})
    assert await state.load("disabled") == {"a": {"reason": "x"}}
    assert await state.counts("usage") == {"a": {"calls": 1}}
    await state.close()


async def test_document_that_is_not_ours_is_an_error(tmp_path):
    state = await opened(tmp_path / "state.db")
    other = sqlite3.connect(tmp_path / "state.db")
    other.execute("INSERT INTO state VALUES ('kind', 'a', ?)", (b"{ half",))
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="not ours"):
        await state.load("kind")
    await state.close()


@pytest.mark.parametrize("content", [b"no database, but as long as one" * 50, b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_unreadable_file_is_refused_and_left_as_it_is(tmp_path, content):
    """Seed #7: a load error became an empty store, and the empty store was written."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        await SqliteBackend.open(path)
    assert path.read_bytes() == content


async def test_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "credentials.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE credentials (id INTEGER)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        await SqliteBackend.open(path)
    assert path.read_bytes() == before


async def test_path_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(StoreError):
        await SqliteBackend.open(tmp_path)


async def test_claim_from_before_the_clock_was_set_back_is_not_waited_for(tmp_path, monkeypatch):
    state, right = await opened(tmp_path / "state.db"), time.time
    monkeypatch.setattr(time, "time", lambda: right() + 86_400)
    assert await state.claim("refresh", "one", 10)
    monkeypatch.setattr(time, "time", right)
    assert not await state.claim("refresh", "two", 0)
    assert await state.claim("refresh", "two", 10)
    assert not await state.claim("refresh", "one", 10)
    await state.close()
