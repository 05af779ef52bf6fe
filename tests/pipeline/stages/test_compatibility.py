"""System text moves to the user, word for word, and nothing else moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.stages.compatibility import move_system
from tests.pipeline.stages.callers import generations, native
from tests.proxy import pollux

SYSTEM = {"parts": [{"text": " Be brief. "}, {"text": "Really."}]}
HELLO = {"role": "user", "parts": [{"text": "Hello"}]}
GREETING = {"role": "model", "parts": [{"text": "Hi!"}]}


@pytest.mark.parametrize(
    ("contents", "moved"),
    [
        ([HELLO, GREETING], [{"role": "user", "parts": [*SYSTEM["parts"], *HELLO["parts"]]}, GREETING]),
        ([{"parts": HELLO["parts"]}], [{"parts": [*SYSTEM["parts"], *HELLO["parts"]]}]),
        ([GREETING, HELLO], [{"role": "user", "parts": SYSTEM["parts"]}, GREETING, HELLO]),
        ([], [{"role": "user", "parts": SYSTEM["parts"]}]),
    ],
)
def test_instruction_comes_before_the_conversation(contents: list[Any], moved: list[Any]) -> None:
    payload = {"systemInstruction": SYSTEM, "contents": contents, "tools": []}
    move_system(payload)
    assert payload == {"contents": moved, "tools": []}
    assert HELLO == {"role": "user", "parts": [{"text": "Hello"}]}


@pytest.mark.parametrize("payload", [{"contents": [HELLO]}, {"contents": [HELLO], "systemInstruction": {}}])
def test_without_an_instruction_nothing_moves(payload: dict[str, Any]) -> None:
    move_system(payload)
    assert payload == {"contents": [HELLO]}


@pytest.mark.parametrize("mode", ["true", "false"])
async def test_mode_is_off_by_default_and_switched_by_the_environment(tmp_path: Path, mode: str) -> None:
    async with pollux(tmp_path, COMPATIBILITY_MODE=mode) as proxy:
        await native(proxy, "gemini-3.8-flash", systemInstruction=SYSTEM)
    body = generations(proxy)[0]
    assert ("systemInstruction" in body) is (mode == "false")
    assert len(body["contents"][0]["parts"]) == (3 if mode == "true" else 1)
