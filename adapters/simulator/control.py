"""Scripting a simulator that runs in another process: `/_sim/script`, `/_sim/requests`, `/_sim/reset`.

Shape: `POST /_sim/script` takes fields of a Scenario; `faults` replaces the list, `add_faults` adds to it.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from adapters.simulator.journal import Journal
from adapters.simulator.reply import Reply, json_reply
from adapters.simulator.scenario import Fault, Scenario
from adapters.simulator.wire import Request


class Scripted(Protocol):
    """What the control needs of a simulator."""

    requests: Journal

    @property
    def scenario(self) -> Scenario:
        """The scenario as it stands."""

    def script(self, *faults: Fault, **changes: Any) -> None:
        """Change the scenario."""

    def reset(self) -> None:
        """Go back to the first scenario."""


def answer(request: Request, simulator: Scripted) -> Reply:
    """Do what a request under `/_sim/` asks for."""
    match request.method, request.path:
        case "POST", "/_sim/script":
            return _script(request, simulator)
        case "GET", "/_sim/scenario":
            return json_reply(msgspec.to_builtins(simulator.scenario))
        case "GET", "/_sim/requests":
            return json_reply({"requests": msgspec.to_builtins(list(simulator.requests))})
        case "POST", "/_sim/reset":
            simulator.reset()
            return json_reply({})
    return json_reply({"error": f"no control {request.method} {request.path}"}, 404)


def _script(request: Request, simulator: Scripted) -> Reply:
    body = request.json()
    if not isinstance(body, dict):
        return json_reply({"error": "expected a JSON object"}, 400)
    try:
        changes = dict(body)
        added = msgspec.convert(changes.pop("add_faults", []), list[Fault])
        simulator.script(*added, **changes)
    except msgspec.ValidationError as exc:
        return json_reply({"error": str(exc)}, 400)
    return json_reply(msgspec.to_builtins(simulator.scenario))
