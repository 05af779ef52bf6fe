"""Turns at a model: bounded, fair to callers, and nobody's once its owner has left."""

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Limited
from pipeline.queueing import FairQueue, Queues


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def asked(queue: FairQueue, *callers: str) -> dict[str, asyncio.Task[None]]:
    """One request for each name: its first letter is the caller."""
    return {name: asyncio.create_task(queue.enter(name[0])) for name in callers}


async def order_of(queue: FairQueue, tasks: dict[str, asyncio.Task[None]]) -> list[str]:
    """The order in which turns come when each takes a moment."""
    order: list[str] = []
    while len(order) < len(tasks):
        queue.leave(1.0)
        await settled()
        order += [name for name, task in tasks.items() if task.done() and name not in order]
    return order


async def in_(awaitable: Awaitable[None]) -> None:
    await asyncio.wait_for(awaitable, 1)


async def test_callers_take_turns_and_each_keeps_its_order():
    queue = FairQueue(1, 100, 10.0)
    await queue.enter("x")
    tasks = asked(queue, "a1", "a2", "a3", "a4", "b1", "c1", "c2")
    await settled()
    assert await order_of(queue, tasks) == ["a1", "b1", "c1", "a2", "c2", "a3", "a4"]


async def test_nobody_overtakes_those_who_wait():
    queue = FairQueue(2, 100, 10.0)
    await queue.enter("a")
    await queue.enter("a")
    first = asked(queue, "b1")
    await settled()
    queue.leave(1.0)
    late = asked(queue, "c1")
    await settled()
    assert first["b1"].done()
    assert not late["c1"].done()
    late["c1"].cancel()


async def test_full_queue_refuses_at_once_and_says_when_to_come_back():
    queue = FairQueue(1, 1, 10.0)
    await queue.enter("a")
    queue.leave(4.0)
    await queue.enter("a")
    waiting = asked(queue, "b1")
    await settled()
    with pytest.raises(Limited) as caught:
        await in_(queue.enter("c"))
    assert (caught.value.status, caught.value.error_type) == (429, "proxy_queue_full")
    assert caught.value.retry_after == 8.0
    waiting["b1"].cancel()


async def test_turn_that_does_not_come_in_time_is_refused():
    queue = FairQueue(1, 10, 0.02)
    await queue.enter("a")
    with pytest.raises(Limited):
        await in_(queue.enter("b"))
    queue.leave(1.0)
    assert queue.idle


async def test_caller_that_leaves_is_out_of_the_queue():
    queue = FairQueue(1, 1, 10.0)
    await queue.enter("a")
    gone = asked(queue, "b1")["b1"]
    await settled()
    gone.cancel()
    await settled()
    stays = asked(queue, "c1")["c1"]
    await settled()
    queue.leave(1.0)
    await in_(stays)


@pytest.mark.parametrize("first", ["leave", "cancel"])
async def test_turn_of_one_who_leaves_at_that_moment_goes_to_the_next(first):
    queue = FairQueue(1, 10, 10.0)
    await queue.enter("a")
    tasks = asked(queue, "b1", "c1")
    await settled()
    if first == "leave":
        queue.leave(1.0)
        tasks["b1"].cancel()
    else:
        tasks["b1"].cancel()
        queue.leave(1.0)
    await in_(tasks["c1"])
    assert tasks["b1"].cancelled()


async def test_models_queue_apart_and_leave_nothing_behind():
    queues = Queues(1, 0, 1.0)
    for number in range(100):
        await queues.enter(f"model-{number}", "a")
    with pytest.raises(Limited):
        await queues.enter("model-1", "a")
    for number in range(100):
        queues.leave(f"model-{number}", 0.1)
    assert queues._queues == {}


@given(
    st.integers(1, 3), st.lists(st.tuples(st.sampled_from(["ask", "leave", "cancel"]), st.integers(0, 9)), max_size=50)
)
async def test_no_more_are_in_than_may_be_and_no_place_is_lost(size, steps):
    queue = FairQueue(size, 1000, 60.0)
    tasks: list[asyncio.Task[None]] = []
    inside: list[asyncio.Task[None]] = []
    for step, number in steps:
        if step == "ask":
            tasks.append(asyncio.create_task(queue.enter(str(number % 3))))
        elif step == "leave" and inside:
            inside.pop(number % len(inside))
            queue.leave(0.1)
        elif step == "cancel" and tasks:
            tasks.pop(number % len(tasks)).cancel()
        if number % 2:
            await settled()
            inside += [task for task in tasks if task.done()]
            tasks = [task for task in tasks if not task.done()]
            assert len(inside) <= size
            assert len(inside) == size or not tasks
    await settled()
    inside += [task for task in tasks if task.done() and not task.cancelled()]
    tasks = [task for task in tasks if not task.done()]
    while inside:
        inside.pop()
        queue.leave(0.1)
        await settled()
        inside += [task for task in tasks if task.done()]
        tasks = [task for task in tasks if not task.done()]
    assert not tasks
    assert queue.idle
