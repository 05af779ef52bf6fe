"""A health probe is answered here, and nothing but a health probe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.stages.callers import chat, generations, native
from tests.proxy import pollux

ORDER = ("auth", "format", "probe", "credential", "upstream", "transform", "usage")
CONFIG = "".join(
    f'[[pipeline]]\nstage = "{name}"\n' + 'answer = "API is working"\n' * (name == "probe") for name in ORDER
)
MODEL = "gemini-3.8-flash"


@pytest.mark.parametrize("stream", [True, False])
async def test_probe_is_answered_on_both_faces_without_a_credential(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path, config=CONFIG, keys="") as proxy:
        heard = await chat(proxy, MODEL, "Hi", stream=stream)
        assert (heard.text, heard.finishes) == ("API is working", ["stop"])
        heard = await native(proxy, MODEL, "Hi", stream=stream)
        assert (heard.text, heard.finishes) == ("API is working", ["STOP"])
    assert generations(proxy) == []


@pytest.mark.parametrize(
    "more", [{"said": "Hi there"}, {"said": "hi"}, {"systemInstruction": {"parts": [{"text": "Be brief."}]}}]
)
async def test_conversation_is_no_probe(tmp_path: Path, more: dict[str, Any]) -> None:
    async with pollux(tmp_path, config=CONFIG) as proxy:
        heard = await native(proxy, MODEL, **{"said": "Hi", **more})
        assert heard.text.startswith("You said")


async def test_probe_is_asked_upstream_by_default(tmp_path: Path) -> None:
    async with pollux(tmp_path) as proxy:
        assert (await chat(proxy, MODEL, "Hi")).text == "You said: Hi"
