"""Scripting from another process, and scenarios from files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from adapters.simulator import Fault, Scenario
from adapters.simulator.scenario import load

UNARY = "/v1beta/models/gemini-3.8-flash:generateContent"
HELLO = {"contents": [{"parts": [{"text": "hi"}]}]}


async def test_script_changes_what_comes_next_and_reset_takes_it_back(call):
    scripted = await call("/_sim/script", {"text": "fixed", "add_faults": [{"effect": "503", "times": 1}]})
    assert scripted.json["faults"][0]["effect"] == "503"
    assert (await call(UNARY, HELLO, key="k")).status == 503
    answer = (await call(UNARY, HELLO, key="k")).json
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "fixed"
    await call("/_sim/reset", {})
    assert b"You said" in (await call(UNARY, HELLO, key="k")).body


async def test_journal_tells_what_arrived(call):
    await call(UNARY, HELLO, key="test-key-1")
    entries = (await call("/_sim/requests")).json["requests"]
    assert [(entry["path"], entry["body"], entry["status"]) for entry in entries] == [(UNARY, HELLO, 200)]
    assert entries[0]["headers"]["x-goog-api-key"] == "test-key-1"
    assert entries[0]["closed"] is None


@pytest.mark.parametrize("body", [{"latencyy": 1}, {"add_faults": [{"effect": "nothing"}]}, [], {"mood": "sad"}])
async def test_wrong_script_is_refused_and_changes_nothing(call, body):
    assert (await call("/_sim/script", body)).status == 400
    assert (await call(UNARY, HELLO, key="k")).status == 200


def test_scenario_loads_from_json_and_toml(tmp_path: Path):
    (tmp_path / "a.toml").write_text('latency = 0.5\n[[faults]]\neffect = "429-bare"\nmodel = "m"\n')
    (tmp_path / "a.json").write_text('{"latency": 0.5, "faults": [{"effect": "429-bare", "model": "m"}]}')
    expected = Scenario(latency=0.5, faults=[Fault("429-bare", model="m")])
    assert load(tmp_path / "a.toml") == load(tmp_path / "a.json") == expected
    (tmp_path / "b.toml").write_text("lateness = 1\n")
    with pytest.raises(msgspec.ValidationError, match="lateness"):
        load(tmp_path / "b.toml")
