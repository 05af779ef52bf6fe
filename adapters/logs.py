"""Logs: one line per event and one per request, as JSON or for a terminal, without secrets."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from adapters.log_tail import LogTail
from adapters.log_writer import LogWriter
from adapters.outcome import error_type_of, status_of
from adapters.redaction import redact, redact_event

if TYPE_CHECKING:
    from pipeline.exchange import Exchange

Event = MutableMapping[str, Any]

_NAMED = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()} | {"exception": logging.ERROR}

_CHATTY = ("asyncio", "httpcore", "hpack", "h2", "uvloop")
"""Libraries whose debug lines tell of nothing but themselves."""


class Logs:
    """The running log. `configure` makes it. Shape: `tail` is how it is read."""

    def __init__(
        self,
        writer: LogWriter,
        render: Callable[[Event], bytes],
        *,
        access: bool = True,
        tail: LogTail | None = None,
        threshold: Threshold | None = None,
    ) -> None:
        self.tail = tail or LogTail()
        self._writer = writer
        self._render = render
        self._threshold = threshold or Threshold()
        self._access = access

    def set_level(self, level: str) -> None:
        """Log what is of that level or above, from now on."""
        least = logging.getLevelNamesMapping()[level.upper()]
        self._threshold.least = least
        self._access = least <= logging.INFO
        logging.getLogger().setLevel(least)
        for name in _CHATTY:
            logging.getLogger(name).setLevel(max(least, logging.INFO))

    def access(self, x: Exchange, outcome: BaseException | None) -> None:
        """Write the line of a finished request, where requests are logged at all."""
        if self._access:
            self._writer.put(self._render(_line_of(x, outcome)))

    def close(self) -> None:
        """Write what is left, and end."""
        atexit.unregister(self.close)
        self._writer.close()


def configure(level: str = "info", style: str = "auto", file: str = "") -> Logs:
    """Take over all logging of this process, that of libraries included.

    Shape: `level` is debug | info | warning | error; `style` is console | json | auto (console on a terminal); without
        a `file` lines go to standard error. A process configures its logs once.
    """
    terminal = not file and sys.stderr.isatty()
    console = style == "console" or (style == "auto" and terminal)
    tail, threshold = LogTail(Path(file) if file else None), Threshold()
    writer = LogWriter(Path(file) if file else None, heard=tail.heard)
    _configure_structlog(writer, threshold, _renderer(terminal) if console else _as_json)
    _configure_stdlib()
    line = _console_line(terminal) if console else _json_line
    logs = Logs(writer, line, tail=tail, threshold=threshold)
    logs.set_level(level)
    atexit.register(logs.close)
    return logs


class Threshold:
    """Drops what is of a lower level than `least`: a structlog processor. Why: structlog's own cannot be moved."""

    def __init__(self) -> None:
        self.least = logging.INFO

    def __call__(self, _logger: Any, method: str, event: Event) -> Event:
        if _NAMED[method] < self.least:
            raise structlog.DropEvent
        return event


def _configure_structlog(writer: LogWriter, threshold: Threshold, render: Any) -> None:
    structlog.configure(
        processors=[
            threshold,
            structlog.processors.add_log_level,
            _add_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            redact_event,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=lambda *names: _Lines(writer, *names),
        cache_logger_on_first_use=True,
    )


def _configure_stdlib() -> None:
    logging.getLogger().handlers[:] = [_Forward()]
    logging.captureWarnings(capture=True)


class _Lines:
    """What structlog's last processor hands its line to."""

    def __init__(self, writer: LogWriter, name: str = "pollux") -> None:
        self.name = name
        self._put = writer.put

    def msg(self, line: str) -> None:
        # Once more over the whole line: a renderer may have made text of what was no text before.
        self._put(redact(line).encode("utf-8", "replace") + b"\n")

    debug = info = warning = error = critical = exception = msg


class _Forward(logging.Handler):
    """Takes the lines of the standard library's logging into structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno // 10 * 10, logging.CRITICAL) or logging.DEBUG
        log = structlog.get_logger(record.name)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            self.handleError(record)
        else:
            log.log(level, message, exc_info=record.exc_info)


def _add_name(lines: _Lines, _method: str, event: Event) -> Event:
    event["logger"] = lines.name
    return event


def _line_of(x: Exchange, outcome: BaseException | None) -> dict[str, Any]:
    """Return the fields of a request's line; its error_type is the metrics'."""
    usage, lease, request = x.usage, x.lease, x.request
    now = time.monotonic()
    return {
        "timestamp": datetime.now(UTC),
        "level": "info",
        "event": "request",
        "request_id": x.id,
        "route": x.route,
        "protocol": x.dialect.name,
        "method": request.method,
        "path": redact(request.path),
        "model": redact(x.model),
        "stream": x.stream,
        "status": status_of(x, outcome),
        "error_type": error_type_of(outcome),
        "duration_ms": round((now - x.started) * 1000, 2),
        "ttfc_ms": round((x.first_byte - x.started) * 1000, 2) if x.first_byte else None,
        "attempts": x.attempts,
        "caller": x.caller.name if x.caller else None,
        "upstream": lease.credential.kind if lease else None,
        "cred": lease.credential.id if lease else None,
        "input_tokens": usage.get("promptTokenCount"),
        "output_tokens": usage.get("candidatesTokenCount"),
        "thought_tokens": usage.get("thoughtsTokenCount"),
        "finish": x.finish.get(0),
    }


def _json_line(line: Event) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _as_json(_logger: Any, _method: str, event: Event) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _renderer(terminal: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=0, sort_keys=False)


def _console_line(terminal: bool) -> Callable[[Event], bytes]:
    """Return what renders a request's line for a reader: what is empty is left out."""
    render = _renderer(terminal)

    def line(event: Event) -> bytes:
        shown = {key: value for key, value in event.items() if value not in (None, "", 0)}
        shown["timestamp"] = event["timestamp"].isoformat(timespec="milliseconds")
        path = shown.pop("path")
        # A path is the caller's: it must not start a line of its own, nor colour the terminal.
        shown["event"] = f"{shown.pop('method')} {path if path.isprintable() else ascii(path)} {shown.pop('status')}"
        return str(render(None, "info", shown)).encode("utf-8", "replace") + b"\n"

    return line
