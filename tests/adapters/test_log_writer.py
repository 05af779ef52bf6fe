"""Lines are written in order, rotated, and never hold anybody up."""

from __future__ import annotations

import os
import threading

from adapters import log_writer
from adapters.log_writer import OLD_FILES, LogWriter


def test_lines_arrive_in_order_once_closed(tmp_path):
    file = tmp_path / "deep" / "pollux.log"
    writer = LogWriter(file)
    lines = [b"line %d\n" % number for number in range(1000)]
    for line in lines:
        writer.put(line)
    writer.close()
    assert file.read_bytes() == b"".join(lines)
    assert file.stat().st_mode & 0o077 == 0


def test_grown_file_is_rotated_and_old_ones_are_few(tmp_path):
    file = tmp_path / "pollux.log"
    for number in range(OLD_FILES + 3):
        writer = LogWriter(file, max_file_bytes=10)
        writer.put(b"a line of run %d\n" % number)
        writer.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["pollux.log", *(f"pollux.log.{number}" for number in range(1, OLD_FILES + 1))]
    newest = OLD_FILES + 2
    assert file.read_bytes() == b"a line of run %d\n" % newest
    assert (tmp_path / "pollux.log.1").read_bytes() == b"a line of run %d\n" % (newest - 1)


def test_two_writers_of_a_file_lose_nothing_in_rotation(tmp_path):
    file = tmp_path / "pollux.log"
    writers = [LogWriter(file, max_file_bytes=200) for _ in range(2)]
    lines = {b"%d of %d\n" % (number, writer) for writer in range(2) for number in range(20)}
    for line in sorted(lines):
        writers[int(line.split()[-1])].put(line)
    for writer in writers:
        writer.close()
    found = [line for path in tmp_path.iterdir() for line in path.read_bytes().splitlines(keepends=True)]
    assert len(found) == len(lines)
    assert set(found) == lines


def test_file_moved_away_by_somebody_is_opened_anew(tmp_path):
    file = tmp_path / "pollux.log"
    writer = LogWriter(file)
    file.rename(tmp_path / "elsewhere")
    writer.put(b"after\n")
    writer.close()
    assert file.read_bytes() == b"after\n"


def test_backlog_is_bounded_and_its_loss_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(log_writer, "MAX_BACKLOG", 100)
    writer = LogWriter(tmp_path / "pollux.log")
    for number in range(1000):
        writer.put(b"%d\n" % number)
    writer.close()
    written = (tmp_path / "pollux.log").read_text().splitlines()
    assert len(written) < 1000
    assert written[-1] == f'{{"level":"warning","event":"log lines dropped","lines":{1000 - len(written) + 1}}}'


def test_terminal_that_has_gone_takes_nothing_down():
    writer = LogWriter()
    reader, writer._fd = os.pipe()
    os.close(reader)
    writer.put(b"lost\n")
    writer.close()
    os.close(writer._fd)
    assert writer._dropped == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "pollux-log"]
