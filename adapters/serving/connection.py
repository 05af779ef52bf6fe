"""One caller's connection: plain requests are answered one after the other, anything else goes to hypercorn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from adapters.serving.plain_request import PlainRequest, plain_request
from adapters.serving.turn import HELD_LIMIT, Turn

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, TimerHandle


AT_ONCE = 16 * 1024
"""Bytes that do not wait for the end of the loop's turn."""

TOGETHER = 16
"""How many smaller pieces wait for it at most: only what has left can be too much."""


class Host(Protocol):
    """Who accepts connections and answers what comes on them."""

    idle_timeout: float
    retiring: bool

    def joined(self, connection: PlainConnection) -> None:
        """A caller has connected."""

    def parted(self, connection: PlainConnection) -> None:
        """The connection is closed, or hypercorn's; said once."""

    def serve(self, turn: Turn, request: PlainRequest, connection: PlainConnection) -> None:
        """Have a request answered."""

    def flush_soon(self, connection: PlainConnection) -> None:
        """Have the connection flush at the end of the loop's turn."""

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """Have hypercorn go on with a connection, of which these bytes have been read."""


class PlainConnection(asyncio.Protocol):
    """A socket and the request that it is busy with.

    Shape: `client` and `server` are the addresses of its ends; it closes when nothing is asked for `idle_timeout`.
        What an answer has left unread of its request is read and dropped, so that the caller sees the answer: a socket
        that is closed with bytes unread resets the connection, and takes away what was sent on it.
    asyncio and uvloop both set TCP_NODELAY on every TCP socket.
    """

    def __init__(self, loop: AbstractEventLoop, host: Host) -> None:
        self._loop = loop
        self._host = host
        self._turn: Turn | None = None
        self._ahead = bytearray()  # what a caller sent that did not wait for its answer
        self._out: list[bytes] = []
        self._unread = 0  # what is still to come of a body that nobody wants
        self._reusable = True
        self._reading = True
        self._writable: Future[None] | None = None
        self._idle_since = 0.0
        self._timer: TimerHandle | None = None
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its methods
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        self._idle_since = self._loop.time()
        self._host.joined(self)
        self._look_at_clock()
        if self._host.retiring:  # accepted just before the listener was closed
            self._close()

    def data_received(self, data: bytes) -> None:
        if self._unread:
            data = self._drop(data)
            if not data:
                return
        turn = self._turn
        if turn is None and self._writable is None:
            self._begin(data)
        elif turn is not None and turn.wanted:
            self._feed(turn, data)
        else:
            self._ahead += data
            if len(self._ahead) > HELD_LIMIT:
                self._pause()

    def eof_received(self) -> None:
        # As hypercorn has it: who ends the sending half does not wait for an answer. The loop closes the other half.
        self.flush()
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        self._out.clear()
        self._lose()
        self._part()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self._release()
        if self._turn is None:
            self._go_on()

    # What a turn does.

    @property
    def retiring(self) -> bool:
        """Whether this connection takes no further request."""
        return self._host.retiring

    def write(self, turn: Turn, data: bytes) -> bool:
        """Send what belongs to the answer under way; False when that is more than the caller takes.

        PERF: what several callers are sent in one turn of the loop leaves together at its end: who is woken by the
        first of it is still awake for the rest, which costs half of a streamed event (benchmarks/streaming.py).
        """
        if turn is not self._turn or not data:
            return self._writable is None
        if not self._out:
            self._host.flush_soon(self)
        self._out.append(data)
        if len(data) >= AT_ONCE or len(self._out) >= TOGETHER:
            self.flush()
        return self._writable is None

    def flush(self) -> None:
        """Let go of what waits for the end of the loop's turn."""
        out, self._out = self._out, []
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    async def drained(self) -> None:
        """Wait until there is room for more, or nobody to send to."""
        if self._writable is not None:
            # Several may wait, and one that is cancelled must not wake the others.
            await asyncio.shield(self._writable)

    def resume(self) -> None:
        """Read on, where reading had been stopped."""
        if not self._reading and not self._ahead:
            self._reading = True
            self._transport.resume_reading()

    def end(self, turn: Turn, *, reusable: bool) -> None:
        """The answer is complete: the next request may begin."""
        if turn is not self._turn:
            return
        self._turn = None
        if self._host.retiring or not (reusable or turn.wanted):
            self._close()
            return
        self._idle_since = self._loop.time()
        self._unread, self._reusable = turn.wanted, reusable
        if self._ahead:
            self.flush()
            self._go_on()
        else:
            self.resume()

    def abort(self) -> None:
        """Close at once: what was answered so far must not look whole."""
        self.flush()
        self._transport.abort()

    # What the host does.

    def retire(self) -> None:
        """Take no further request."""
        if self._turn is None:
            self._close()

    def _go_on(self) -> None:
        """Begin with what came ahead, once its caller takes answers: else those it does not read would pile up."""
        if self._ahead and self._writable is None:
            data = bytes(self._ahead)
            self._ahead.clear()
            self.resume()
            self._begin(data)

    def _begin(self, data: bytes) -> None:
        request = plain_request(data)
        if request is None:
            self._give_away(data)
            return
        turn = self._turn = Turn(self, request)
        if request.rest:
            self._feed(turn, request.rest)
        self._host.serve(turn, request, self)

    def _drop(self, data: bytes) -> bytes:
        """Drop what belongs to an unwanted body; return what comes behind it."""
        behind = data[self._unread :]
        self._unread = max(self._unread - len(data), 0)
        if self._unread:
            return b""
        if not self._reusable:
            self._close()
            return b""
        self._idle_since = self._loop.time()
        return behind

    def _give_away(self, data: bytes) -> None:
        self.flush()
        if self._writable is not None:  # hypercorn would not know of it
            self._ahead += data
            return
        self._part()
        self._host.hand_over(self._transport, data)

    def _feed(self, turn: Turn, data: bytes) -> None:
        if len(data) > turn.wanted:
            self._ahead += data[turn.wanted :]
            data = data[: turn.wanted]
        if data and not turn.feed(data):
            self._pause()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _close(self) -> None:
        self._ahead.clear()
        self.flush()
        self._transport.close()

    def _release(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _lose(self) -> None:
        self._ahead.clear()
        self._release()
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.lose()

    def _part(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._host.parted(self)

    def _look_at_clock(self) -> None:
        # PERF: one timer per connection that moves at most once per timeout, none per request.
        now = self._loop.time()
        due = now if self._turn is not None else self._idle_since
        if now - due >= self._host.idle_timeout:
            self._close()  # and no further look: a caller that takes its last answer slowly may take its time
            return
        self._timer = self._loop.call_at(due + self._host.idle_timeout, self._look_at_clock)


def _address(name: object) -> tuple[str, int] | None:
    """Return host and port; None for a socket that has none."""
    return (name[0], name[1]) if isinstance(name, tuple) else None
