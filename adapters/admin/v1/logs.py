"""Resources `logs` and `traces`: what happened."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from adapters.admin.ask import Ask
from adapters.admin.operation import Download, Operation
from adapters.admin.shapes import Level, LogLines, Ok, Trace, Traces, Watch


class Lines(Struct):
    """Which lines: the latest `lines` of at least that level that hold that text."""

    lines: Annotated[int, Meta(ge=1, le=10_000)] = 200
    level: Level = "debug"
    text: Annotated[str, Meta(max_length=200)] = ""


class Latest(Struct):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50


async def tail_logs(ask: Ask) -> LogLines:
    """Return the latest log lines; follow them by WebSocket at /api/v1/logs/stream?level=&text=."""
    logs, query = ask.office.logs, ask.query
    lines = await logs.tail(query.lines, query.level, query.text)
    return LogLines("all workers" if logs.shared else "this worker", lines)


async def download_logs(ask: Ask) -> Download:
    """Return the whole log as text."""
    return Download("pollux.log", "text/plain; charset=utf-8", ask.office.logs.download())


async def clear_logs(ask: Ask) -> None:
    """Empty the log."""
    await ask.office.logs.clear()


async def recent_traces(ask: Ask) -> Traces:
    """Return the latest watched requests, stage by stage with timings."""
    latest = ask.office.traces.latest(ask.query.limit)
    return Traces([msgspec.convert(each, Trace, from_attributes=True) for each in latest])


async def watch_traces(ask: Ask) -> Ok:
    """Watch every request for so long; ask again before it ends to go on."""
    ask.office.traces.watch(ask.body.seconds)
    return Ok()


OPERATIONS = (
    Operation(method="GET", path="/logs", run=tail_logs, query=Lines, answer=LogLines),
    Operation(method="DELETE", path="/logs", run=clear_logs, status=204),
    Operation(method="GET", path="/logs/download", run=download_logs, answer=bytes),
    Operation(method="GET", path="/traces", run=recent_traces, query=Latest, answer=Traces),
    Operation(method="PUT", path="/traces/watch", run=watch_traces, body=Watch, answer=Ok),
)
