"""The real openai library's chat completions through Pollux to every upstream."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.errands import ERRANDS, MODEL, PARAMETERS, PIXEL, TOOLS, assert_signed, results, run
from tests.e2e.upstreams import PUBLIC, asked
from tests.proxy import KEY, Running

conformance = partial(pytest.mark.conformance, client="openai (Python)")
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

FUNCTIONS: Any = [
    {"type": "function", "function": {"name": name, "description": said, "parameters": PARAMETERS}}
    for name, said in TOOLS.items()
]


class Town(BaseModel):
    """What structured output is asked for."""

    name: str
    people: int
    twin: Town | None = None


def client(proxy: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0)


async def ask(ai: openai.AsyncOpenAI, stream: bool, messages: Any, **options: Any) -> Any:
    """The whole answer, put together by the library where it came in pieces."""
    options = {"model": MODEL, "messages": messages, **options}
    if not stream:
        return await ai.chat.completions.create(**options)
    async with ai.chat.completions.stream(stream_options={"include_usage": True}, **options) as events:
        return await events.get_final_completion()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@conformance(feature="chat: text and usage")
@streaming
async def test_chat_answers(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        answer = await ask(ai, stream, [user("Say hello")])
    assert answer.choices[0].message.content == "You said: Say hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@conformance(feature="chat: events in order, one end")
async def test_stream_ends_once_and_with_usage(proxy: Running) -> None:
    async with client(proxy) as ai:
        stream = await ai.chat.completions.create(
            model=MODEL, messages=[user("Say hello")], stream=True, stream_options={"include_usage": True}
        )  # type: ignore[call-overload]
        chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["stop"]
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert len({chunk.id for chunk in chunks}) == 1


@conformance(feature="chat: reasoning_content")
@streaming
async def test_thoughts_are_reasoning_content(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        answer = await ask(ai, stream, [user("Say hello")], reasoning_effort="low")
    assert "Reading the request" in answer.choices[0].message.reasoning_content
    assert asked(proxy)[0]["generationConfig"]["thinkingConfig"]["thinkingLevel"].upper() == "LOW"


@conformance(feature="chat: system, several turns")
@streaming
async def test_conversation_reaches_google_turn_by_turn(proxy: Running, stream: bool) -> None:
    said = [
        {"role": "system", "content": "Be brief."},
        user("One"),
        {"role": "assistant", "content": "Two"},
        user("Three"),
    ]
    async with client(proxy) as ai:
        answer = await ask(ai, stream, said, temperature=0.5, top_p=0.9, max_completion_tokens=500, stop=["XX"], seed=7)
    assert answer.choices[0].message.content == "You said: Three"
    (request,) = asked(proxy)
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    turns = [(content["role"], content["parts"][0]["text"]) for content in request["contents"]]
    assert turns == [("user", "One"), ("model", "Two"), ("user", "Three")]
    wanted = {"temperature": 0.5, "topP": 0.9, "maxOutputTokens": 500, "stopSequences": ["XX"], "seed": 7}
    assert wanted.items() <= request["generationConfig"].items()


@conformance(feature="chat: images inline")
@streaming
async def test_image_reaches_google_as_it_is(proxy: Running, stream: bool) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    async with client(proxy) as ai:
        answer = await ask(ai, stream, [user([{"type": "text", "text": "What is it?"}, picture])])
    assert answer.choices[0].message.content == "You said: What is it?"
    parts = asked(proxy)[0]["contents"][0]["parts"]
    assert parts == [{"text": "What is it?"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]


@conformance(feature="chat: parse() of structured output")
@streaming
async def test_structured_output_is_parsed(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        options: Any = {"model": MODEL, "messages": [user("A town")], "response_format": Town}
        if stream:
            async with ai.chat.completions.stream(**options) as events:
                answer = await events.get_final_completion()
        else:
            answer = await ai.chat.completions.parse(**options)
    town = answer.choices[0].message.parsed
    assert isinstance(town, Town)
    assert town.name == "text"


@conformance(feature="chat: JSON mode")
@streaming
async def test_json_mode_answers_in_json(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        answer = await ask(ai, stream, [user("A town")], response_format={"type": "json_object"})
    assert answer.choices[0].message.content == "{}"


def kept(message: Any) -> dict[str, Any]:
    """The assistant's message as a careful client sends it back: `extra_content` and all."""
    whole: dict[str, Any] = message.model_dump(exclude_none=True)
    return whole


def rebuilt(message: Any) -> dict[str, Any]:
    """The same from ids, names and arguments only, as most agents do it."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls or ()
    ]
    return {"role": "assistant", "content": message.content} | ({"tool_calls": calls} if calls else {})


@conformance(feature="chat: tool loop of three turns, signatures enforced")
@streaming
@pytest.mark.parametrize("again", [kept, rebuilt])
async def test_tool_loop_runs_to_its_end(proxy: Running, stream: bool, again: Any) -> None:
    said: list[Any] = []
    async with client(proxy) as ai:
        for errand in ERRANDS:
            said.append(user(errand.prompt))
            for step in errand.steps:
                choice = (await ask(ai, stream, said, tools=FUNCTIONS)).choices[0]
                assert choice.finish_reason == "tool_calls"
                calls = [(call.function.name, call.function.arguments) for call in choice.message.tool_calls]
                assert [(name, json.loads(arguments)) for name, arguments in calls] == step
                said.append(again(choice.message))
                said += [
                    {"role": "tool", "tool_call_id": call.id, "content": run(call.function.name, arguments)}
                    for call, (_, arguments) in zip(choice.message.tool_calls, step, strict=True)
                ]
            choice = (await ask(ai, stream, said, tools=FUNCTIONS)).choices[0]
            assert choice.finish_reason == "stop"
            assert all(result in choice.message.content for result in results(errand))
            said.append(again(choice.message))
    assert_signed(proxy)


@conformance(feature="chat: tool_choice")
@streaming
async def test_named_tool_is_called(proxy: Running, stream: bool) -> None:
    chosen = {"type": "function", "function": {"name": "get_time"}}
    async with client(proxy) as ai:
        answer = await ask(ai, stream, [user("Hello")], tools=FUNCTIONS, tool_choice=chosen)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["get_time"]


@conformance(feature="models: list and get")
async def test_models_are_listed_and_found(proxy: Running) -> None:
    async with client(proxy) as ai:
        listed = [model.id async for model in ai.models.list()]
        found = await ai.models.retrieve(MODEL)
        with pytest.raises(openai.NotFoundError):
            await ai.models.retrieve("no-such-model")
    assert MODEL in listed
    assert found.id == MODEL


@conformance(feature="embeddings: float and base64")
@pytest.mark.parametrize("upstream", PUBLIC)
async def test_texts_become_vectors(proxy: Running) -> None:
    async with client(proxy) as ai:
        texts = ["a", "b \u2028 ü"]
        packed = await ai.embeddings.create(model="gemini-embedding-001", input=texts, dimensions=768)
        plain = await ai.embeddings.create(
            model="gemini-embedding-001", input=texts, dimensions=768, encoding_format="float"
        )
    assert [len(each.embedding) for each in packed.data] == [768, 768]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert packed.data[0].embedding != packed.data[1].embedding


@conformance(feature="images: generate")
@pytest.mark.parametrize("upstream", PUBLIC)
async def test_prompt_becomes_a_picture(proxy: Running) -> None:
    async with client(proxy) as ai:
        answer = await ai.images.generate(model="gemini-3-pro-image", prompt="a cat", size="1536x1024")
    assert answer.data
    assert answer.data[0].b64_json
