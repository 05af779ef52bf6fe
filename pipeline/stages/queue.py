"""Stage `queue`: no more requests for a model at a time than it can take; the others wait their turn."""

import asyncio

from pipeline.errors import Limited
from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.queueing import NOTE, Queues, Wait
from pipeline.stage import Stage, StageConfig


class Queue(StageConfig, frozen=True):
    """Let so many requests for one model be under way at a time, and the others wait in a bounded queue.

    Callers take turns, so that one who asks much does not keep the others waiting; the requests of one caller stay in
    order. A caller that leaves while it waits is out of the queue at once. A place is held until the whole answer has
    gone out.

    Shape: each worker counts for itself; a `max_concurrency` of 0 is no queue. `max_waiting` bounds the queue of one
        model; 0 refuses what cannot begin at once.
    Units: `max_wait` in seconds.
    Errors: Limited (429, proxy_queue_full) with the time after which there should be room.
    """

    name = "queue"
    needs = frozenset({"model"})

    max_concurrency: int = 0
    max_wait: float = 30.0
    max_waiting: int = 100

    def __post_init__(self) -> None:
        for option in ("max_concurrency", "max_wait", "max_waiting"):
            if getattr(self, option) < 0:
                raise ValueError(f"{option}: a queue has no negative numbers")

    def build(self, ports: Ports) -> Stage | None:
        if not self.max_concurrency:
            return None
        queues, tick = Queues(self.max_concurrency, self.max_waiting, self.max_wait), ports.clock.tick

        async def queue(x: Exchange) -> None:
            model, began = x.model, tick()
            wait = x.notes[NOTE] = Wait()
            try:
                await queues.enter(model, x.caller.name if x.caller else "")
            except Limited:
                wait.outcome = "timeout"
                raise
            except asyncio.CancelledError:
                wait.outcome = "gone"
                raise
            else:
                wait.outcome = "admitted"
            finally:
                wait.seconds = tick() - began
            admitted = tick()

            async def leave(outcome: BaseException | None) -> None:
                queues.leave(model, tick() - admitted)

            x.closers.append(leave)

        return queue
