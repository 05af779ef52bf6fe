"""The file of a worker's spending: it outlives the worker, has one owner, and settles nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.spending import Spending, left_behind

WORKER = """
import sys, pathlib, time
from pipeline.spending import Spending
slot = Spending.new(pathlib.Path(sys.argv[1])).slot("key/k/total")
for number in range(1, 1001):
    slot.begin(1)
    slot.end(1, 1)
slot.begin(2)
print("ready", flush=True)
time.sleep(60)
"""


def test_spending_survives_kill_to_the_last_unit(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE)
    with worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert list(left_behind(tmp_path)) == [], "its process lives"
        os.kill(worker.pid, signal.SIGKILL)
    (spending,) = left_behind(tmp_path)
    ((account, slot),) = spending.accounts()
    assert (account, slot.unsettled, slot.begun) == ("key/k/total", 1000, 2)
    slot.bury()
    assert (slot.unsettled, slot.begun) == (1002, 0)
    spending.remove()
    spending.close()
    assert list(tmp_path.iterdir()) == []


def test_file_has_one_owner(tmp_path: Path) -> None:
    spending = Spending.new(tmp_path)
    with pytest.raises(BlockingIOError):
        Spending(spending.path)
    spending.close()
    again = Spending(spending.path)
    assert again.holder == spending.holder
    again.close()


def test_slots_of_many_accounts_are_kept_and_used_again(tmp_path: Path) -> None:
    spending = Spending.new(tmp_path)
    for number in range(2500):
        spending.slot(f"key/{number}/total").begin(number)
    for number in range(0, 2500, 2):
        spending.forget(f"key/{number}/total")
    size = spending.path.stat().st_size
    for number in range(1000):
        assert spending.slot(f"key/new-{number}/total").begun == 0
    assert spending.path.stat().st_size == size
    path = spending.path
    spending.close()
    again = Spending(path)
    held = {account: slot.begun for account, slot in again.accounts()}
    assert held["key/2499/total"] == 2499
    assert len(held) == 1250 + 1000
    again.close()


def test_name_too_long_is_refused(tmp_path: Path) -> None:
    spending = Spending.new(tmp_path)
    with pytest.raises(ValueError, match="longer than"):
        spending.slot("k" * 300)
    spending.close()


@given(spent=st.integers(0, 50), back=st.integers(0, 50), reserved=st.integers(0, 50), applied=st.booleans())
def test_settlement_without_an_answer_is_found_out(tmp_path_factory, spent, back, reserved, applied):
    """Shape: the store has on lease what it had, or what it should have after the settlement."""
    spending = Spending.new(tmp_path_factory.mktemp("ledger"))
    slot = spending.slot("a")
    slot.begin(spent)
    slot.end(spent, spent)
    leased = spent + back + reserved
    assert slot.intend(leased - spent - back) == spent
    slot.resolve(leased - spent - back if applied else leased)
    assert slot.unsettled == (0 if applied else spent)
    slot.resolve(leased - spent - back)  # asked again, nothing is intended any more
    assert slot.unsettled == (0 if applied else spent)
    spending.close()
