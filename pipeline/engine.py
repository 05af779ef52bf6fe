"""Runs one exchange: the stages, the relay of the reply, the refusal, the closers. Nothing else catches errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from pipeline.errors import InternalError, ProxyError
from pipeline.relay import Line, relay
from pipeline.trace import RELAY, run_stages

if TYPE_CHECKING:
    from pipeline.exchange import Exchange, Headers
    from pipeline.plan import Plan

log = structlog.get_logger("pollux.engine")


class Edge(Protocol):
    """The caller's side of one exchange."""

    opened: bool

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""

    async def open(self, status: int, headers: Headers) -> None:
        """Send the head of a stream."""

    def write(self, data: bytes) -> bool:
        """Send a piece of a stream; False when `drained` is to be awaited before the next one."""

    async def drained(self) -> None:
        """Wait until there is room for another piece."""

    async def send(self, data: bytes) -> None:
        """Send a piece of a stream, and wait until there is room for another."""

    async def end(self) -> None:
        """End a stream."""


async def run(plan: Plan, x: Exchange, edge: Edge) -> BaseException | None:
    """Take an exchange down its pipeline and answer the caller; return what stopped it, None for a complete answer.

    Errors: only the caller's leaving (CancelledError) comes out; everything else has been answered.
    """
    outcome: BaseException | None = None
    line = Line(x, edge)
    x.hold = line.hold
    try:
        if x.trace is None:
            await _run_stages(plan, x)
            await relay(x, edge, line)
        else:
            await run_stages(plan, x, x.trace)
            with x.trace.span(RELAY, x):
                await relay(x, edge, line)
    except ProxyError as exc:
        outcome = exc
        await _refuse(x, edge, line, exc)
    except asyncio.CancelledError as exc:
        # A cancelled exchange is the caller's leaving unless somebody said why it has to stop.
        outcome = x.stop or exc
        if x.stop is None:
            raise
        await _refuse(x, edge, line, x.stop)
    except Exception as exc:  # the one boundary for defects
        log.exception("defect", request_id=x.id)
        outcome = InternalError(f"Internal error; the log has it under {x.id}.")
        outcome.__cause__ = exc
        await _refuse(x, edge, line, outcome)
    finally:
        await line.close()
        await _close(x, outcome)
    return outcome


async def _run_stages(plan: Plan, x: Exchange) -> None:
    for stage in plan.ask:
        await stage(x)
        if x.reply is not None:
            break
    for stage in plan.answer:
        await stage(x)


async def _refuse(x: Exchange, edge: Edge, line: Line, exc: ProxyError) -> None:
    await line.close()
    if edge.opened:
        assert x.encoder is not None, "only the relay opens the edge, and it needs the encoder"
        await edge.send(x.encoder.error_event(exc))
        await edge.end()
        return
    reply = x.dialect.error(exc)
    await edge.reply(reply.status, reply.headers, reply.body or b"")


async def _close(x: Exchange, outcome: BaseException | None) -> None:
    for closer in reversed(x.closers):
        try:
            await closer(outcome)
        except Exception:  # one closer's defect must not keep the others from being told
            log.exception("closer failed", request_id=x.id)
