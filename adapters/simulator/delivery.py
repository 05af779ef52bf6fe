"""Sending an answer: head, frames at their cadence, pieces, pauses, and the end that was asked for."""

from __future__ import annotations

import asyncio
import math
import zlib
from email.utils import formatdate

import h11
from msgspec.structs import replace

from adapters.simulator.pieces import pieces
from adapters.simulator.reply import Reply
from adapters.simulator.wire import Wire

_NO_LENGTH = frozenset({204, 304})


async def deliver(reply: Reply, wire: Wire) -> None:
    """Send a reply down a connection exactly as it says."""
    await pause(reply.latency)
    if reply.pause_at == 0:
        await pause(reply.pause)
    if not reply.silent:
        await _send(reply, wire)
    await _finish(reply, wire)


async def _send(reply: Reply, wire: Wire) -> None:
    head = wire.frame(_head(reply))
    if not reply.streamed and reply.chunking.split == "whole":
        body = b"".join(wire.frame(h11.Data(data=frame)) for frame in reply.frames)
        await wire.write(head + body + (wire.frame(h11.EndOfMessage()) if reply.ending == "end" else b""))
        return
    await wire.write(head)
    for number, frame in enumerate(reply.frames):
        if number:
            await pause(reply.cadence)
            if number == reply.pause_at:
                await pause(reply.pause)
        await _send_pieces(frame, reply, wire)


async def _send_pieces(frame: bytes, reply: Reply, wire: Wire) -> None:
    for number, piece in enumerate(pieces(frame, reply.chunking)):
        if number:
            # Even without a gap each piece gets a turn of the loop, so that the reader has a chance to see it alone.
            await asyncio.sleep(reply.chunking.gap)
        await wire.write(wire.frame(h11.Data(data=piece)))


async def _finish(reply: Reply, wire: Wire) -> None:
    if reply.ending == "end":
        if wire.unfinished:
            await wire.write(wire.frame(h11.EndOfMessage()))
    elif reply.ending == "cut":
        wire.cut()
    elif reply.ending == "reset":
        wire.reset()
    elif reply.ending == "half_close":
        wire.transport.write_eof()
        await pause(math.inf)
    else:
        await pause(math.inf)


def _head(reply: Reply) -> h11.Response:
    headers = [*reply.headers, ("server", "ESF"), ("date", formatdate(usegmt=True))]
    if reply.streamed:
        headers.append(("transfer-encoding", "chunked"))
    elif reply.status not in _NO_LENGTH:
        headers.append(("content-length", str(reply.full_length)))
    return h11.Response(status_code=reply.status, headers=headers)


def compressed(reply: Reply) -> Reply:
    """The same reply in gzip, flushed after every frame so that a stream still flows."""
    press = zlib.compressobj(wbits=31)
    frames = [press.compress(frame) + press.flush(zlib.Z_SYNC_FLUSH) for frame in reply.frames]
    if frames:
        frames[-1] += press.flush()
    headers = [*reply.headers, ("content-encoding", "gzip"), ("vary", "Accept-Encoding")]
    return replace(reply, headers=headers, frames=frames)


async def pause(seconds: float) -> None:
    """Sleep; for ever when the seconds are infinite."""
    if math.isinf(seconds):
        await asyncio.get_running_loop().create_future()
    elif seconds > 0:
        await asyncio.sleep(seconds)
