"""The real google-genai library through Pollux to every upstream, signatures enforced."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from tests.proxy import CODE_ASSIST, KEY, Running, pollux

MODEL = "gemini-3.8-flash"
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="Weather of a city.",
            parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}},
        )
    ]
)
UPSTREAMS: dict[str, tuple[dict[str, Any], str]] = {
    "gemini_api": ({}, "test-key-1,test-key-2"),
    "code_assist": ({"account.json": CODE_ASSIST}, ""),
    "vertex_express": ({"express.json": {"api_key": "test-express-key", "upstream": "vertex"}}, ""),
}


@pytest.fixture(params=list(UPSTREAMS))
async def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    credentials, keys = UPSTREAMS[request.param]
    async with pollux(tmp_path, credentials=credentials, keys=keys) as running:
        yield running


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Running]:
    async with pollux(tmp_path) as running:
        yield running


def client(proxy: Running, key: str = KEY) -> Any:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=proxy.url)).aio


async def ask(ai: Any, stream: bool, **options: Any) -> list[types.Part]:
    """The parts of an answer, which must be complete."""
    if stream:
        chunks = [chunk async for chunk in await ai.models.generate_content_stream(model=MODEL, **options)]
    else:
        chunks = [await ai.models.generate_content(model=MODEL, **options)]
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count > 0
    return [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_generated(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        parts = await ask(ai, stream, contents="Say hello")
    assert "".join(part.text or "" for part in parts if not part.thought) == "You said: Say hello"


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_loop_of_three_turns_runs_to_its_end(proxy: Running, stream: bool) -> None:
    config = types.GenerateContentConfig(
        tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    said: list[types.Content] = []
    async with client(proxy) as ai:
        for city in ("Paris", "Rome", "Nice"):
            said.append(types.UserContent(f'call get_weather {{"city": "{city}"}}'))
            parts = await ask(ai, stream, contents=said, config=config)
            calls = [part.function_call for part in parts if part.function_call]
            assert [call.args for call in calls] == [{"city": city}]
            answers = [
                types.FunctionResponse(id=call.id, name=call.name, response={"result": "20 degrees"}) for call in calls
            ]
            said += [
                types.ModelContent([part for part in parts if not part.thought]),
                types.UserContent([types.Part(function_response=answer) for answer in answers]),
            ]
            parts = await ask(ai, stream, contents=said, config=config)
            assert "20 degrees" in "".join(part.text or "" for part in parts)
            said.append(types.ModelContent([part for part in parts if part.text and not part.thought]))


async def test_tokens_are_counted(proxy: Running) -> None:
    async with client(proxy) as ai:
        assert (await ai.models.count_tokens(model=MODEL, contents="Say hello")).total_tokens > 0


async def test_texts_become_vectors(api: Running) -> None:
    async with client(api) as ai:
        answer = await ai.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert len(answer.embeddings) == 2


async def test_models_are_listed_page_by_page(api: Running) -> None:
    async with client(api) as ai:
        names = [model.name async for model in await ai.models.list(config={"page_size": 3})]
        assert (await ai.models.get(model=MODEL)).name == f"models/{MODEL}"
    assert f"models/{MODEL}" in names


async def test_wrong_key_is_a_client_error(api: Running) -> None:
    async with client(api, "wrong") as ai:
        with pytest.raises(errors.ClientError) as raised:
            await ai.models.generate_content(model=MODEL, contents="hi")
    assert raised.value.code == 401


async def test_stream_without_alt_is_one_json_array(api: Running) -> None:
    async with httpx2.AsyncClient(base_url=api.url, headers={"x-goog-api-key": KEY}) as http:
        answer = await http.post(
            f"/v1beta/models/{MODEL}:streamGenerateContent", json={"contents": {"parts": {"text": "Say hello"}}}
        )
    assert answer.headers["content-type"].startswith("application/json")
    chunks = json.loads(answer.text)
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
