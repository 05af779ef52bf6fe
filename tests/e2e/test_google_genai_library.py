"""The real google-genai library through Pollux to every upstream."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.e2e.errands import ERRANDS, MODEL, PARAMETERS, PIXEL, TOOLS, assert_signed, results, run
from tests.e2e.upstreams import PUBLIC, asked
from tests.proxy import KEY, Running

conformance = partial(pytest.mark.conformance, client="google-genai (Python)")
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

FUNCTIONS = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name=name, description=said, parameters_json_schema=PARAMETERS)
        for name, said in TOOLS.items()
    ]
)
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


class Town(BaseModel):
    """What structured output is asked for."""

    name: str
    people: int


def client(proxy: Running, version: str | None = None) -> Any:
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=proxy.url, api_version=version)).aio


async def ask(ai: Any, stream: bool, contents: Any, **config: Any) -> list[types.Part]:
    """The parts of an answer, which must be complete."""
    options = {"model": MODEL, "contents": contents, "config": types.GenerateContentConfig(**config)}
    if stream:
        chunks = [chunk async for chunk in await ai.models.generate_content_stream(**options)]
    else:
        chunks = [await ai.models.generate_content(**options)]
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates[0].finish_reason]
    assert reasons == [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata.total_token_count > 0
    return [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]


def text_of(parts: list[types.Part]) -> str:
    return "".join(part.text or "" for part in parts if not part.thought)


@conformance(feature="generate: text and usage, on /v1 and /v1beta")
@streaming
@pytest.mark.parametrize("version", [None, "v1beta"])
async def test_content_is_generated(proxy: Running, stream: bool, version: str | None) -> None:
    async with client(proxy, version) as ai:
        parts = await ask(ai, stream, "Say hello")
    assert text_of(parts) == "You said: Say hello"


@conformance(feature="generate: thoughts")
@streaming
async def test_thoughts_are_marked_parts(proxy: Running, stream: bool) -> None:
    config = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW)
    async with client(proxy) as ai:
        parts = await ask(ai, stream, "Say hello", thinking_config=config)
    assert "Reading the request" in "".join(part.text or "" for part in parts if part.thought)
    assert asked(proxy)[0]["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingLevel": "LOW"}


@conformance(feature="generate: system, images inline")
@streaming
async def test_system_and_image_reach_google_as_they_are(proxy: Running, stream: bool) -> None:
    picture = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    async with client(proxy) as ai:
        parts = await ask(ai, stream, ["What is it?", picture], system_instruction="Be brief.", temperature=0.5)
    assert text_of(parts) == "You said: What is it?"
    (request,) = asked(proxy)
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert request["generationConfig"]["temperature"] == 0.5
    text, image = request["contents"][0]["parts"]
    assert text == {"text": "What is it?"}
    assert image["inlineData"] == {"mimeType": "image/png", "data": PIXEL.replace("/", "_")}  # the library's alphabet


@conformance(feature="generate: structured output, parsed")
@pytest.mark.parametrize("schema", ["response_schema", "response_json_schema"])
async def test_structured_output_is_parsed(proxy: Running, schema: str) -> None:
    form: Any = Town if schema == "response_schema" else Town.model_json_schema()
    config = types.GenerateContentConfig(response_mime_type="application/json", **{schema: form})
    async with client(proxy) as ai:
        answer = await ai.models.generate_content(model=MODEL, contents="A town", config=config)
    assert answer.parsed == (Town(name="text", people=1) if form is Town else {"name": "text", "people": 1})


def kept(parts: list[types.Part]) -> list[types.Part]:
    """All parts, signatures and all."""
    return parts


def rebuilt(parts: list[types.Part]) -> list[types.Part]:
    """Calls and texts only, as agents do that keep their own form of a conversation."""
    calls = [types.Part(function_call=part.function_call) for part in parts if part.function_call]
    return calls or [types.Part(text=text_of(parts))]


@conformance(feature="generate: tool loop of three turns, signatures enforced")
@streaming
@pytest.mark.parametrize("again", [kept, rebuilt])
async def test_tool_loop_runs_to_its_end(proxy: Running, stream: bool, again: Any) -> None:
    said: list[types.Content] = []
    options: Any = {"tools": [FUNCTIONS], "automatic_function_calling": BY_HAND}
    async with client(proxy) as ai:
        for errand in ERRANDS:
            said.append(types.UserContent(errand.prompt))
            for step in errand.steps:
                parts = await ask(ai, stream, said, **options)
                calls = [part.function_call for part in parts if part.function_call]
                assert [(call.name, call.args) for call in calls] == step
                answers = [
                    types.FunctionResponse(id=call.id, name=call.name, response={"result": run(*wanted)})
                    for call, wanted in zip(calls, step, strict=True)
                ]
                said.append(types.ModelContent(again(parts)))
                said.append(types.UserContent([types.Part(function_response=answer) for answer in answers]))
            parts = await ask(ai, stream, said, **options)
            assert all(result in text_of(parts) for result in results(errand))
            said.append(types.ModelContent(again(parts)))
    assert_signed(proxy)


async def get_weather(city: str) -> str:
    """The weather of a city."""
    return run("get_weather", {"city": city})


async def get_time(city: str) -> str:
    """The local time of a city."""
    return run("get_time", {"city": city})


@conformance(feature="chats: automatic function calling, signatures enforced")
@streaming
async def test_chat_calls_functions_by_itself(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        chat = ai.chats.create(model=MODEL, config=types.GenerateContentConfig(tools=[get_weather, get_time]))
        for errand in ERRANDS:
            if stream:
                said = "".join([chunk.text or "" async for chunk in await chat.send_message_stream(errand.prompt)])
            else:
                said = (await chat.send_message(errand.prompt)).text
            assert all(result in said for result in results(errand))
    assert_signed(proxy)


@conformance(feature="countTokens")
async def test_tokens_are_counted(proxy: Running) -> None:
    async with client(proxy) as ai:
        assert (await ai.models.count_tokens(model=MODEL, contents="Say hello")).total_tokens > 0


@conformance(feature="embeddings")
@pytest.mark.parametrize("upstream", PUBLIC)
async def test_texts_become_vectors(proxy: Running) -> None:
    async with client(proxy) as ai:
        answer = await ai.models.embed_content(
            model="gemini-embedding-001", contents=["a", "b"], config={"output_dimensionality": 768}
        )
    assert [len(each.values) for each in answer.embeddings] == [768, 768]


@conformance(feature="images: generated and edited, signatures enforced")
@pytest.mark.parametrize("upstream", PUBLIC)
async def test_picture_is_drawn_and_drawn_again(proxy: Running) -> None:
    async with client(proxy) as ai:
        chat = ai.chats.create(model="gemini-3-pro-image")
        for prompt in ("A cat", "Now a black one"):
            answer = await chat.send_message(prompt)
            assert [part.inline_data.mime_type for part in answer.parts if part.inline_data] == ["image/png"]


@conformance(feature="models: list and get")
async def test_models_are_listed_page_by_page(proxy: Running) -> None:
    async with client(proxy) as ai:
        names = [model.name async for model in await ai.models.list(config={"page_size": 3})]
        assert (await ai.models.get(model=MODEL)).name == f"models/{MODEL}"
        with pytest.raises(errors.ClientError, match="404"):
            await ai.models.get(model="no-such-model")
    assert f"models/{MODEL}" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("upstream", ["gemini_api"])
async def test_stream_without_alt_is_one_json_array(proxy: Running) -> None:
    """What the library never asks for, and others written against Google's own API do."""
    said = {"contents": {"parts": {"text": "Say hello"}}}
    async with httpx2.AsyncClient(base_url=proxy.url, headers={"x-goog-api-key": KEY}) as http:
        answer = await http.post(f"/v1beta/models/{MODEL}:streamGenerateContent", json=said)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()[-1]["candidates"][0]["finishReason"] == "STOP"
