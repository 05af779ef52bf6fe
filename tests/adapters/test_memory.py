"""Requests are refused before memory runs out, and never all of them."""

import os

import pytest

from adapters.memory import MemoryGuard, memory_here, part_of_memory
from pipeline.errors import ProxyError


def test_request_beyond_the_mark_is_told_to_come_back():
    with pytest.raises(ProxyError) as caught:
        MemoryGuard(1).admit(under_way=1)
    assert (caught.value.status, caught.value.error_type) == (503, "proxy_queue_full")
    assert caught.value.retry_after


def test_idle_process_lets_a_request_in_whatever_it_has_resident():
    MemoryGuard(1).admit(under_way=0)


@pytest.mark.parametrize("limit", [0, 1 << 50])
def test_request_below_the_mark_or_without_one_is_let_in(limit):
    MemoryGuard(limit).admit(under_way=100)


def test_container_limit_counts_where_it_is_smaller_than_the_machine(tmp_path):
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    small, none = tmp_path / "memory.max", tmp_path / "none"
    small.write_text("268435456\n")
    none.write_text("max\n")
    assert memory_here([none, tmp_path / "missing"]) == machine
    assert memory_here([none, small]) == 268_435_456


def test_workers_share_what_there_is():
    assert part_of_memory(1000, 0.9, 4) == 250
    assert part_of_memory(0, 0.5, 2) == int(memory_here() * 0.5) // 2
    assert part_of_memory(0, 0.0, 2) == 0
