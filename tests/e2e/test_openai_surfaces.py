"""The real openai library's other surfaces through Pollux: responses, embeddings, pictures."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.proxy import CODE_ASSIST, KEY, Running, pollux

MODEL = "gemini-3.8-flash"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
UPSTREAMS: dict[str, tuple[dict[str, Any], str]] = {
    "gemini_api": ({}, "test-key-1,test-key-2"),
    "code_assist": ({"account.json": CODE_ASSIST}, ""),
    "vertex_express": ({"express.json": {"api_key": "test-express-key", "upstream": "vertex"}}, ""),
}


@pytest.fixture(params=list(UPSTREAMS))
async def ai(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    credentials, keys = UPSTREAMS[request.param]
    async with pollux(tmp_path, credentials=credentials, keys=keys) as running, client(running) as connected:
        yield connected


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    async with pollux(tmp_path) as running, client(running) as connected:
        yield connected


def client(proxy: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0)


async def ask(ai: openai.AsyncOpenAI, stream: bool, **options: Any) -> Any:
    if not stream:
        return await ai.responses.create(model=MODEL, **options)
    async with ai.responses.stream(model=MODEL, **options) as events:
        return await events.get_final_response()


@pytest.mark.parametrize("stream", [False, True])
async def test_response_answers(ai: openai.AsyncOpenAI, stream: bool) -> None:
    response = await ask(ai, stream, input="Say hello")
    assert response.output_text == "You said: Say hello"
    assert response.status == "completed"
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_loop_of_three_turns_runs_to_its_end(ai: openai.AsyncOpenAI, stream: bool) -> None:
    said: list[Any] = []
    for city in ("Paris", "Rome", "Nice"):
        said.append({"role": "user", "content": f'call get_weather {{"city": "{city}"}}'})
        response = await ask(ai, stream, input=said, tools=[WEATHER])
        calls = [item for item in response.output if item.type == "function_call"]
        assert [call.arguments for call in calls] == [f'{{"city":"{city}"}}']
        said += [item.to_dict() for item in response.output]
        said += [{"type": "function_call_output", "call_id": call.call_id, "output": "20 degrees"} for call in calls]
        response = await ask(ai, stream, input=said, tools=[WEATHER])
        assert "20 degrees" in response.output_text
        said += [item.to_dict() for item in response.output]


async def test_texts_become_vectors(api: openai.AsyncOpenAI) -> None:
    answer = await api.embeddings.create(model="gemini-embedding-001", input=["a", "b"], dimensions=768)
    assert [len(each.embedding) for each in answer.data] == [768, 768]
    assert answer.data[0].embedding != answer.data[1].embedding


async def test_prompt_becomes_a_picture(api: openai.AsyncOpenAI) -> None:
    answer = await api.images.generate(model="gemini-3-pro-image", prompt="a cat", size="1536x1024")
    assert answer.data
    assert answer.data[0].b64_json
