"""Reading what the user wants: the last words, and which functions they ask to be called.

Shape: `call f {"a": 1}` calls f; `call f {..} and g {..}` calls both at once; `call f {..} then g {..}` calls g
in a step of its own, after f was answered. A prompt that merely names a declared function calls it too, with
made-up arguments.
"""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct

from adapters.simulator.contents import Content, calls_of, current_turn, responses_of
from adapters.simulator.specimen import specimen
from adapters.simulator.tools import declarations

_CALL = re.compile(r"\b(call|and|then)\s+(?:call\s+)?([A-Za-z_][\w.:-]*)\s*", re.IGNORECASE)


class Wish(Struct, frozen=True):
    """A function call that the user asked for."""

    name: str
    args: dict[str, Any]


def last_text(request: dict[str, Any]) -> str:
    """The text of the turn that the model is to answer."""
    contents: list[Content] = request["contents"]
    start = contents[current_turn(contents)]
    return " ".join(part["text"] for part in start["parts"] if "text" in part and not part.get("thought"))


def results(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The function responses that the user just handed in."""
    return responses_of(request["contents"][-1])


def wishes(request: dict[str, Any]) -> list[Wish]:
    """The calls to make in this step: empty when the user wants words."""
    declared = {item["name"]: item for item in declarations(request)}
    config = request.get("toolConfig", {}).get("functionCallingConfig", {})
    allowed = config.get("allowedFunctionNames") or list(declared)
    if not declared or config.get("mode") == "NONE":
        return []
    contents = request["contents"]
    done = sum(bool(calls_of(content)) for content in contents[current_turn(contents) :])
    steps = _steps({name: declared[name] for name in allowed}, last_text(request))
    if not steps and config.get("mode") == "ANY":
        steps = [[_made_up(declared[allowed[0]])]]
    return steps[done] if done < len(steps) else []


def _steps(declared: dict[str, Any], text: str) -> list[list[Wish]]:
    steps: list[list[Wish]] = []
    for found in _CALL.finditer(text):
        word, name = found[1].lower(), found[2].rstrip(".:,")
        if name not in declared or (word != "call" and not steps):
            continue
        wish = Wish(name, _arguments(text[found.end() :])) if text[found.end() :].startswith("{") else None
        wish = wish or _made_up(declared[name])
        if word == "and" and steps:
            steps[-1].append(wish)
        else:
            steps.append([wish])
    named = [item for name, item in declared.items() if re.search(rf"\b{re.escape(name)}\b", text)]
    return steps or [[_made_up(item)] for item in named[:1]]


def _arguments(text: str) -> dict[str, Any]:
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _made_up(declaration: dict[str, Any]) -> Wish:
    schema = declaration.get("parameters") or declaration.get("parametersJsonSchema") or {"type": "object"}
    value = specimen(schema)
    return Wish(declaration["name"], value if isinstance(value, dict) else {})
