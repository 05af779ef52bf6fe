"""One HTTP/1.1 connection to upstream: writes one call at a time and reads its answer."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from adapters.transport_answer import Http1Answer
from pipeline.errors import Broken

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, TimerHandle


class Timeouts(Struct, frozen=True):
    """How long upstream may take.

    Shape: `connect` covers name, TCP and TLS; `first_byte` runs from the call to the reply's head; `idle` is
        the longest silence within a body; `keep_alive` is how long an unused connection is kept.
    Units: seconds.
    """

    connect: float = 10.0
    first_byte: float = 300.0
    idle: float = 120.0
    keep_alive: float = 50.0


class Unheard(Broken):
    """The connection ended before upstream answered a byte: where it was used before, worth a fresh one."""

    error_type = "provider_connect"
    title = "Upstream closed the connection without an answer."


class Keeper(Protocol):
    """Who owns connections and hears what becomes of them."""

    def free(self, connection: Connection) -> None:
        """It finished its call and could take another."""

    def lost(self, connection: Connection) -> None:
        """It is closed; said once."""


class Connection(asyncio.Protocol):
    """A socket, its one timer, and the answer it is busy with.

    asyncio and uvloop both set TCP_NODELAY on every TCP socket.
    """

    def __init__(self, loop: AbstractEventLoop, timeouts: Timeouts, keeper: Keeper) -> None:
        self._loop = loop
        self._timeouts = timeouts
        self._keeper = keeper
        self._answer: Http1Answer | None = None
        self._waiter: Future[None] | None = None
        self._kept = False
        # PERF: a deadline moves with every read, a timer does not: asyncio.wait_for costs 2 to 5 us more per read.
        # The one timer looks at least as often as the shortest timeout, so no deadline set in between passes unseen
        # (benchmarks/transport.py).
        self._deadline = math.inf
        self._period = min(timeouts.first_byte, timeouts.idle, timeouts.keep_alive)
        self._timer: TimerHandle | None = None

    def keep(self) -> None:
        """Begin to watch the clock; from here on the keeper hears of the end.

        Not in `connection_made`: a connection whose making is cancelled is closed by the loop, but uvloop may still
        call that, and then never `connection_lost`.
        """
        self._kept = True
        self._look_at_deadline()

    # What a call does.

    async def call(self, request: bytes, *, head_only: bool) -> Http1Answer:
        """Write a whole request and return once the answer's head is here. Errors: Broken."""
        answer = self._answer = Http1Answer(self, head_only=head_only, idle=self._timeouts.idle)
        if self._transport.is_closing():  # lost between being made and being used: the loop has told already
            self._fail(Unheard())
        else:
            self._transport.write(request)
        while not answer.status:
            if answer.failure is not None:
                raise answer.failure
            await self.arrival(answer, self._timeouts.first_byte)
        return answer

    async def arrival(self, answer: Http1Answer, seconds: float) -> None:
        """Wait until the answer has moved on; a wait that is cancelled closes an unfinished one at once."""
        self._deadline = self._loop.time() + seconds
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            answer.close()
            raise

    # What an answer does.

    def wake(self) -> None:
        """Let the waiting reader look at the answer again."""
        waiter, self._waiter = self._waiter, None
        self._deadline = math.inf
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def extend(self, seconds: float) -> None:
        """The answer has moved on without its reader: the silence begins anew."""
        self._deadline = self._loop.time() + seconds

    def pause(self) -> None:
        """Stop reading: the consumer is slower than upstream."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._kept:
            self._transport.resume_reading()

    def complete(self, *, reusable: bool) -> None:
        """The answer is whole; the connection is free for another call where nothing speaks against it."""
        self._answer = None
        # An answer that came before the whole request was written leaves half a request on the way.
        if not reusable or self._transport.is_closing() or self._transport.get_write_buffer_size():
            self.abort()
            return
        self._deadline = self._loop.time() + self._timeouts.keep_alive
        self._keeper.free(self)

    def abort(self) -> None:
        """Close at once, without waiting for anything that is still to be written."""
        self._answer = None
        self.wake()
        self._transport.abort()
        self._leave()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its methods

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked: a 408 for an idle connection, or garbage after an answer
            self.abort()
            return
        try:
            self._answer.feed(data)
        except Broken as exc:
            self._fail(exc)

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self._leave()

    def _end(self, exc: Exception | None) -> None:
        answer = self._answer
        if answer is None:
            self.abort()
        elif not answer.heard:
            self._fail(Unheard())
        elif exc is None and answer.ends_at_eof:
            answer.finish(reusable=False)
        else:
            how = "ended early" if exc is None else "was reset"
            self._fail(Broken(f"Upstream's answer {how}.", error_type="provider_cut"))

    def _fail(self, failure: Broken) -> None:
        if self._answer is not None:
            self._answer.failure = failure
        self.abort()

    def _look_at_deadline(self) -> None:
        now = self._loop.time()
        if now < self._deadline:
            self._timer = self._loop.call_at(min(self._deadline, now + self._period), self._look_at_deadline)
        elif self._answer is None:
            self.abort()
        else:
            silent = "did not answer in time" if not self._answer.status else "stopped in mid-answer"
            self._fail(Broken(f"Upstream {silent}.", status=504, error_type="provider_timeout"))

    def _leave(self) -> None:
        if not self._kept:
            return
        self._kept = False
        if self._timer is not None:
            self._timer.cancel()
        self._keeper.lost(self)
