"""What the tool loops of every client library are sent for, and what must have reached Google afterwards.

Three turns of a user: one with two calls at once, one with three steps that each need the one before, one with a
single call. The simulated model makes exactly the calls that a prompt names, and refuses calls without a signature.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from adapters.simulator.contents import current_turn
from adapters.simulator.signatures import is_genuine
from tests.e2e.upstreams import asked
from tests.proxy import Running

MODEL = "gemini-3.8-flash"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
"""One red pixel, as PNG in base64."""

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Its name."}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = {"get_weather": "The weather of a city.", "get_time": "The local time of a city."}

Call = tuple[str, dict[str, Any]]


class Errand(Struct, frozen=True):
    """One turn of the user, and the calls that the model makes for it, step by step."""

    prompt: str
    steps: list[list[Call]]


def _errand(*steps: list[tuple[str, str]]) -> Errand:
    words = [" and ".join(f"{name} {json.dumps({'city': city})}" for name, city in step) for step in steps]
    return Errand("Please call " + " then ".join(words), [[(n, {"city": c}) for n, c in step] for step in steps])


ERRANDS = [
    _errand([("get_weather", "Paris"), ("get_weather", "Rome")]),
    _errand([("get_weather", "Tromsø")], [("get_time", "Tromsø")], [("get_weather", "Bergen")]),
    _errand([("get_time", "Nice")]),
]


def run(name: str, arguments: dict[str, Any]) -> str:
    """What the caller's own function answers."""
    return f"{name} of {arguments['city']}: 20"


def results(errand: Errand) -> list[str]:
    """What the tools answered last, which the simulated model quotes."""
    return [run(name, arguments) for name, arguments in errand.steps[-1]]


def assert_signed(proxy: Running) -> None:
    """Every call that Google checks came back with the signature it was made with, and nothing was refused."""
    assert {entry.status for entry in proxy.google.requests} == {200}
    checked = 0
    for request in asked(proxy):
        contents = request["contents"]
        for content in contents[current_turn(contents) :]:
            calls = [part for part in content["parts"] if "functionCall" in part]
            if calls:
                checked += 1
                signature, name = calls[0].get("thoughtSignature", ""), calls[0]["functionCall"]["name"]
                assert is_genuine(signature, MODEL, name), (signature, name)
    assert checked >= sum(len(errand.steps) for errand in ERRANDS)
