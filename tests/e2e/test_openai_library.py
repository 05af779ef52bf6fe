"""The real openai library through Pollux to every upstream."""

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest

from adapters.simulator import Fault
from tests.proxy import CODE_ASSIST, KEY, Running, pollux

MODEL = "gemini-3.8-flash"


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


def client(proxy: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0)


async def test_chat_answers(proxy: Running) -> None:
    async with client(proxy) as ai:
        answer = await ai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Say hello"}])
    assert answer.choices[0].message.content == "You said: Say hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_stream_ends_once_and_with_usage(proxy: Running) -> None:
    async with client(proxy) as ai:
        stream = await ai.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Say hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "You said: Say hello"
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage is not None
