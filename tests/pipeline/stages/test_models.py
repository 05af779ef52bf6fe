"""Models are listed and found by every name that they can be called by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpcore
import pytest

from tests.proxy import KEY, Running, pollux

NAMED = """
[[model]]
name = "gpt-5"
display_name = "Our own"
"""
ALIASES = '{ gpt-5 = "gemini-3.8-flash-high", nowhere = "gemini-0-none", "gemini-2.5-flash" = "gemini-3.8-flash" }'


def config() -> str:
    """The pipeline as shipped, with aliases."""
    shipped = (Path(__file__).parents[3] / "proxy.toml").read_text(encoding="utf-8")
    return shipped[shipped.index("[[pipeline]]") :].replace("aliases = {}", f"aliases = {ALIASES}") + NAMED


OPENAI = [("authorization", f"Bearer {KEY}")]
GEMINI = [("x-goog-api-key", KEY)]


async def asked(proxy: Running, path: str, headers: list[tuple[str, str]]) -> tuple[int, Any]:
    async with httpcore.AsyncConnectionPool() as pool:
        reply = await pool.request("GET", proxy.url + path, headers=headers)
    return reply.status, json.loads(reply.content)


async def test_alias_is_listed_with_what_is_known_of_the_model_behind_it(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=config()) as proxy:
        _, listed = await asked(proxy, "/v1beta/models", GEMINI)
        names = [entry["name"] for entry in listed["models"]]
        known = {entry["name"]: entry for entry in listed["models"]}
        assert known["models/gpt-5"]["displayName"] == "Our own"
        assert known["models/gpt-5"]["inputTokenLimit"] == known["models/gemini-3.8-flash"]["inputTokenLimit"]
        assert "models/nowhere" not in known
        assert names == sorted(set(names))
        assert "gpt-5" in [entry["id"] for entry in (await asked(proxy, "/v1/models", OPENAI))[1]["data"]]


@pytest.mark.parametrize("name", ["gemini-3.8-flash", "gpt-5", "gemini-3.8-flash-search", "fake/gpt-5", "假流式/gpt-5"])
async def test_model_is_found_by_the_name_that_it_is_called_by(tmp_path: Path, name: str) -> None:
    async with pollux(tmp_path, config=config()) as proxy:
        target = quote(name)
        assert (await asked(proxy, f"/v1/models/{target}", OPENAI))[1]["id"] == name
        assert (await asked(proxy, f"/v1beta/models/{target}", GEMINI))[1]["name"] == f"models/{name}"


@pytest.mark.parametrize("name", ["nowhere", "gemini-0-none", "gemini-0-none-search"])
async def test_model_that_is_not_served_is_not_found_under_any_name(tmp_path: Path, name: str) -> None:
    async with pollux(tmp_path, config=config()) as proxy:
        status, answer = await asked(proxy, f"/v1/models/{name}", OPENAI)
        assert (status, answer["error"]["code"]) == (404, "model_not_found")
        assert name in answer["error"]["message"]
