"""The log as operators read it: its end, live, whole, and emptied."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from adapters.log_tail import ROOM, LogTail
from adapters.log_writer import LogWriter


def line(event: str, level: str = "info") -> bytes:
    return orjson.dumps({"event": event, "level": level}) + b"\n"


def events(lines: list[str]) -> list[str]:
    return [orjson.loads(each)["event"] for each in lines]


@pytest.fixture(params=["file", "memory"])
def tail(request: pytest.FixtureRequest, tmp_path: Path) -> LogTail:
    if request.param == "memory":
        return LogTail()
    (tmp_path / "pollux.log").touch()
    return LogTail(tmp_path / "pollux.log")


def write(tail: LogTail, *lines: bytes) -> None:
    if tail._file is not None:
        with tail._file.open("ab") as file:
            file.writelines(lines)
    tail.heard(list(lines))


async def test_tail_is_the_last_lines_in_their_order(tail: LogTail) -> None:
    write(tail, *(line(str(number)) for number in range(50)))
    assert events(await tail.tail(3)) == ["47", "48", "49"]
    assert len(await tail.tail(100)) == 50
    assert await tail.tail(0) == []


async def test_tail_of_a_level_has_what_is_worse_too(tail: LogTail) -> None:
    write(tail, line("a", "debug"), line("b", "warning"), line("c"), line("d", "error"))
    assert events(await tail.tail(10, level="warning")) == ["b", "d"]
    assert events(await tail.tail(1, level="warning")) == ["d"]


async def test_text_is_found_whatever_its_case(tail: LogTail) -> None:
    write(tail, line("One"), line("two"), line("ANOTHER ONE"))
    assert events(await tail.tail(10, text="one")) == ["One", "ANOTHER ONE"]


async def test_lines_of_a_traceback_go_with_their_first(tail: LogTail) -> None:
    write(tail, b"2026 [info     ] fine\n", b"2026 [error    ] broke\n", b"Traceback\n", b"  File\n")
    write(tail, b"2026 [info     ] fine\n")
    assert await tail.tail(10, level="error") == ["2026 [error    ] broke", "Traceback", "  File"]


async def test_colours_of_a_terminal_are_left_out(tail: LogTail) -> None:
    write(tail, b"\x1b[2m2026\x1b[0m [\x1b[31m\x1b[1merror    \x1b[0m] broke\n")
    assert await tail.tail(1, level="error") == ["2026 [error    ] broke"]


async def test_tail_of_a_large_file_reads_only_its_end(tmp_path: Path) -> None:
    file = tmp_path / "pollux.log"
    file.write_bytes(line("x" * 200) * 400_000)
    began = time.perf_counter()
    assert len(await LogTail(file).tail(100)) == 100
    assert time.perf_counter() - began < 0.1


async def test_file_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    tail = LogTail(tmp_path / "none.log")
    assert await tail.tail(10) == []
    assert [piece async for piece in tail.download()] == []
    await tail.clear()


async def test_subscriber_hears_what_is_written_and_fits(tail: LogTail) -> None:
    write(tail, line("before"))
    async with tail.subscribe(level="warning", text="disk") as lines, asyncio.timeout(5):
        write(tail, line("disk fine"), line("disk full", "error"), line("cpu hot", "error"))
        write(tail, line("disk gone", "critical"))
        assert events([await anext(lines), await anext(lines)]) == ["disk full", "disk gone"]


async def test_follower_goes_on_after_the_file_is_emptied_or_moved_away(tmp_path: Path) -> None:
    file = tmp_path / "pollux.log"
    file.write_bytes(line("old") * 10)
    tail = LogTail(file)
    async with tail.subscribe() as lines, asyncio.timeout(5):
        await tail.clear()
        await asyncio.sleep(0.3)
        write(tail, line("one"))
        assert events([await anext(lines)]) == ["one"]
        write(tail, line("two"))
        file.rename(tmp_path / "pollux.log.1")
        write(tail, line("three"))
        assert events([await anext(lines), await anext(lines)]) == ["two", "three"]


async def test_slow_subscriber_loses_the_oldest_and_is_told_how_many() -> None:
    tail = LogTail()
    async with tail.subscribe() as lines, asyncio.timeout(5):
        write(tail, *(line(str(number)) for number in range(ROOM + 5)))
        await asyncio.sleep(0)
        assert events([await anext(lines)]) == ["5"]
        assert lines.dropped == 5


async def test_subscriber_that_has_gone_is_forgotten() -> None:
    tail = LogTail()
    async with tail.subscribe():
        assert len(tail._subscriptions) == 1
    assert not tail._subscriptions


async def test_cleared_log_is_empty_and_its_writers_go_on_at_the_beginning(tmp_path: Path) -> None:
    file = tmp_path / "pollux.log"
    writers = [LogWriter(file), LogWriter(file)]  # as in two workers
    tail = LogTail(file)
    writers[0].put(line("old"))
    await asyncio.sleep(0.2)
    await tail.clear()
    for number, writer in enumerate(writers):
        writer.put(line(f"new {number}"))
        writer.close()
    assert sorted(events(await tail.tail(10))) == ["new 0", "new 1"]
    assert file.read_bytes().count(b"\x00") == 0


async def test_download_is_everything_there_is(tail: LogTail) -> None:
    lines = [line(str(number) * 100) for number in range(900)]
    write(tail, *lines)
    assert b"".join([piece async for piece in tail.download()]) == b"".join(lines)


async def test_writer_tells_memory_what_it_wrote() -> None:
    tail = LogTail()
    writer = LogWriter(heard=tail.heard)
    writer.put(line("here"))
    writer.close()
    assert events(await tail.tail(5)) == ["here"]
