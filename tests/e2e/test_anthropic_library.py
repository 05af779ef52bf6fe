"""The real anthropic library through Pollux to every upstream, signatures enforced."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.proxy import CODE_ASSIST, KEY, Running, pollux

MODEL = "gemini-3.8-flash"
WEATHER: Any = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(params=["gemini_api", "code_assist", "vertex_express"])
async def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    credentials = {
        "gemini_api": {},
        "code_assist": {"account.json": CODE_ASSIST},
        "vertex_express": {"express.json": {"api_key": "test-express-key", "upstream": "vertex"}},
    }[request.param]
    keys = "test-key-1,test-key-2" if request.param == "gemini_api" else ""
    async with pollux(tmp_path, credentials=credentials, keys=keys) as running:
        yield running


def client(proxy: Running, key: str = KEY) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=proxy.url, api_key=key, max_retries=0)


async def ask(ai: anthropic.AsyncAnthropic, stream: bool, **options: Any) -> anthropic.types.Message:
    if not stream:
        message: anthropic.types.Message = await ai.messages.create(model=MODEL, max_tokens=1000, **options)
        return message
    async with ai.messages.stream(model=MODEL, max_tokens=1000, **options) as events:
        return await events.get_final_message()


@pytest.mark.parametrize("stream", [False, True])
async def test_message_answers(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        message = await ask(ai, stream, messages=[{"role": "user", "content": "Say hello"}])
    assert [block.text for block in message.content if block.type == "text"] == ["You said: Say hello"]
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}], ids=["thinking", "plain"])
async def test_tool_loop_of_three_turns_runs_to_its_end(proxy: Running, stream: bool, thinking: dict[str, str]) -> None:
    said: list[Any] = []
    async with client(proxy) as ai:
        for city in ("Paris", "Rome", "Nice"):
            said.append({"role": "user", "content": f'call get_weather {{"city": "{city}"}}'})
            message = await ask(ai, stream, messages=said, tools=[WEATHER], thinking=thinking)
            assert message.stop_reason == "tool_use"
            said.append({"role": "assistant", "content": [block.to_dict() for block in message.content]})
            uses = [block for block in message.content if block.type == "tool_use"]
            assert [use.input for use in uses] == [{"city": city}]
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": "20 degrees"} for use in uses]
            said.append({"role": "user", "content": results})
            message = await ask(ai, stream, messages=said, tools=[WEATHER], thinking=thinking)
            assert "20 degrees" in "".join(block.text for block in message.content if block.type == "text")
            said.append({"role": "assistant", "content": [block.to_dict() for block in message.content]})


async def test_tokens_are_counted(proxy: Running) -> None:
    async with client(proxy) as ai:
        counted = await ai.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Say hello"}])
    assert counted.input_tokens > 0


async def test_models_are_listed_in_anthropics_form(proxy: Running) -> None:
    async with client(proxy) as ai:
        listed = [model.id async for model in ai.models.list(limit=3)]
    assert MODEL in listed


async def test_wrong_key_is_an_authentication_error(proxy: Running) -> None:
    async with client(proxy, "wrong") as ai:
        with pytest.raises(anthropic.AuthenticationError):
            await ask(ai, stream=False, messages=[{"role": "user", "content": "hi"}])
