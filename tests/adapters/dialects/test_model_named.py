"""Every face calls the model in its answer what the caller called it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.stages.callers import post
from tests.proxy import pollux

ASKED = "fake/gemini-3.8-flash-search"
TURNS = [{"role": "user", "content": "Say hello"}]

ASKS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": TURNS},
    "/v1/responses": {"input": "Say hello"},
    "/v1/messages": {"messages": TURNS, "max_tokens": 100},
}


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("stream", [False, True])
async def test_answer_names_the_model_as_the_caller_did(tmp_path: Path, path: str, stream: bool) -> None:
    async with pollux(tmp_path) as proxy:
        status, raw = await post(proxy, path, {"model": ASKED, "stream": stream, **ASKS[path]})
        assert status == 200
        assert set(re.findall(r'"model": ?"([^"]+)"', raw)) == {ASKED}
        assert [entry.path.rpartition("/")[2].partition(":")[0] for entry in proxy.google.requests] == [
            "gemini-3.8-flash"
        ]
