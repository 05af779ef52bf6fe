"""What a pipeline would do with a request, found out by letting it: everything but asking upstream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Struct, field

from pipeline.errors import ClientError, ProxyError
from pipeline.exchange import Exchange, Request
from pipeline.plan import TERMINAL, Step
from pipeline.unit_state import UnitState

SHOWN = (
    *("caller", "model", "operation", "stream", "payload", "features", "leases", "source"),
    *("commit_early", "heartbeat", "notes"),
)
"""The fields of the exchange that a stage above `upstream` may change."""


class Change(Struct, frozen=True):
    """A field that a stage changed."""

    field: str
    before: Any
    after: Any


class Effect(Struct, frozen=True):
    """What one stage did."""

    stage: str
    changes: list[Change]
    refused: str = ""


class Draw(Struct, frozen=True):
    """The lease a request would get first, or why it would get none.

    Shape: `why` says how each unit is doing that could have been drawn.
    """

    credential: str = ""
    kind: str = ""
    project: str = ""
    refused: str = ""
    why: list[str] = field(default_factory=list)


class Explanation(Struct):
    """The way of one request up to `upstream`; `lease` is None when it does not get that far."""

    route: str
    effects: list[Effect] = field(default_factory=list)
    lease: Draw | None = None


async def explain(steps: Sequence[Step], x: Exchange, units: Callable[[], list[UnitState]]) -> Explanation:
    """Run the stages above `upstream`, and say what each did and which lease comes first. Nothing is sent.

    Shape: `units` returns how every unit is doing, before a lease is drawn.
    """
    explanation = Explanation(x.route)
    for step in steps:
        if step.config.name == TERMINAL:
            explanation.lease = await _draw(x, [_told(unit) for unit in units()])
            return explanation
        effect = await _run(step, x)
        explanation.effects.append(effect)
        if effect.refused or x.reply is not None:
            return explanation
    return explanation


async def _run(step: Step, x: Exchange) -> Effect:
    before, pipes = _seen(x), len(x.pipes)
    refused = ""
    try:
        await step.run(x)
    except ProxyError as exc:
        refused = f"{exc.status} {exc.error_type}: {exc.message}"
    after = _seen(x)
    changes = list(_changes("", before, after))
    if len(x.pipes) > pipes:
        changes.append(Change("pipes", pipes, len(x.pipes)))
    if x.reply is not None:
        changes.append(Change("reply", None, x.reply.status))
    return Effect(step.config.name, changes, refused)


def _changes(at: str, before: Any, after: Any) -> Iterator[Change]:
    """Compare two values; tables are compared key by key, so that a large payload shows only what is new in it."""
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield Change(at, before, after)
        return
    for key in {**before, **after}:
        yield from _changes(f"{at}.{key}".lstrip("."), before.get(key), after.get(key))


async def _draw(x: Exchange, why: list[str]) -> Draw:
    if x.leases is None:
        return Draw(refused="no stage offers leases", why=why)
    async with aclosing(x.leases(x)) as leases:
        try:
            lease = await anext(leases)
        except StopAsyncIteration:
            return Draw(refused="no lease is left", why=why)
        except ProxyError as exc:
            return Draw(refused=f"{exc.status} {exc.error_type}: {exc.message}", why=why)
        # A request that the caller took back says nothing about the credential.
        await lease.close(ClientError("Explained, not sent."))
        return Draw(lease.credential.id, lease.credential.kind, lease.project, why=why)


def _told(unit: UnitState) -> str:
    return f"{unit.id} ({unit.kind}): {unit.state}{': ' if unit.reason else ''}{unit.reason}"


def _seen(x: Exchange) -> dict[str, Any]:
    """Copy what is shown of an exchange; what is no data is shown by its kind."""
    return {name: msgspec.to_builtins(getattr(x, name), enc_hook=_kind) for name in SHOWN}


def _kind(value: Any) -> str:
    return type(value).__qualname__


def request_from(text: bytes, path: str = "/v1/chat/completions", key: str = "") -> Request:
    """Read a request as it stands in an `.http` file: request line, headers, empty line, body.

    Shape: a text that begins with `{` is a body alone, sent by POST to `path` with `key`.
    Errors: ValueError.
    """
    if text.lstrip().startswith(b"{"):
        return Request("POST", path, [(b"authorization", f"Bearer {key}".encode())], text)
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("utf-8").strip().split("\n")
    words = first.split()
    if len(words) < 2 or not words[0].isupper():
        raise ValueError(f"expected a request line such as 'POST /v1/chat/completions', got {first!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"expected a header such as 'x-api-key: test-key-1', got {line!r}")
        headers.append((name.strip().lower().encode(), value.strip().encode()))
    target, _, query = words[1].partition("?")
    return Request(words[0], target, headers, body.strip(b"\n"), query.encode())
