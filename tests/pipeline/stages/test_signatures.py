"""Signatures are looked up by what callers send, whatever that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.stages.callers import post
from tests.proxy import pollux


@pytest.mark.parametrize("call_id", [{"a": 1}, ["a"]])
async def test_id_that_is_no_string_is_google_to_refuse(tmp_path: Path, call_id: Any) -> None:
    call = {"functionCall": {"name": "f", "id": call_id, "args": {}}}
    answer = {"functionResponse": {"name": "f", "response": {}}}
    turns = [("user", {"text": "hi"}), ("model", call), ("user", answer)]
    body = {"contents": [{"role": role, "parts": [part]} for role, part in turns]}
    async with pollux(tmp_path) as proxy:
        status, raw = await post(proxy, "/v1beta/models/gemini-3.8-flash:generateContent", body)
    assert (status, json.loads(raw)["error"]["status"]) == (400, "INVALID_ARGUMENT")
