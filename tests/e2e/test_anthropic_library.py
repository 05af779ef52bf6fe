"""The real anthropic library through Pollux to every upstream."""

from __future__ import annotations

from functools import partial
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from tests.e2e.errands import ERRANDS, MODEL, PARAMETERS, PIXEL, TOOLS, assert_signed, results, run
from tests.e2e.upstreams import asked
from tests.proxy import KEY, Running

conformance = partial(pytest.mark.conformance, client="anthropic (Python)")
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

FUNCTIONS: Any = [{"name": name, "description": said, "input_schema": PARAMETERS} for name, said in TOOLS.items()]


class Town(BaseModel):
    """What structured output is asked for."""

    name: str
    people: int


def client(proxy: Running) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=proxy.url, api_key=KEY, max_retries=0)


async def ask(ai: anthropic.AsyncAnthropic, stream: bool, messages: Any, **options: Any) -> anthropic.types.Message:
    """The whole message, put together by the library where it came in pieces."""
    options = {"model": MODEL, "max_tokens": 1000, "messages": messages, **options}
    if not stream:
        message: anthropic.types.Message = await ai.messages.create(**options)
        return message
    async with ai.messages.stream(**options) as events:
        return await events.get_final_message()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@conformance(feature="messages: text and usage")
@streaming
async def test_message_answers(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        message = await ask(ai, stream, [user("Say hello")])
    assert text_of(message) == "You said: Say hello"
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


@conformance(feature="messages: thinking blocks")
@streaming
async def test_thoughts_are_a_thinking_block(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        message = await ask(
            ai, stream, [user("Hi")], max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 2000}
        )
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].type == "thinking"
    assert "Reading the request" in message.content[0].thinking


@conformance(feature="messages: system, several turns")
@streaming
async def test_conversation_reaches_google_turn_by_turn(proxy: Running, stream: bool) -> None:
    said = [user("One"), {"role": "assistant", "content": "Two"}, user("Three")]
    async with client(proxy) as ai:
        message = await ask(ai, stream, said, system="Be brief.", stop_sequences=["XX"])
    assert text_of(message) == "You said: Three"
    (request,) = asked(proxy)
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    turns = [(content["role"], content["parts"][0]["text"]) for content in request["contents"]]
    assert turns == [("user", "One"), ("model", "Two"), ("user", "Three")]
    assert {"maxOutputTokens": 1000, "stopSequences": ["XX"]}.items() <= request["generationConfig"].items()


@conformance(feature="messages: images inline")
@streaming
async def test_image_reaches_google_as_it_is(proxy: Running, stream: bool) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    async with client(proxy) as ai:
        message = await ask(ai, stream, [user([picture, {"type": "text", "text": "What is it?"}])])
    assert text_of(message) == "You said: What is it?"
    parts = asked(proxy)[0]["contents"][0]["parts"]
    assert parts == [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}, {"text": "What is it?"}]


@conformance(feature="messages: parse() of structured output")
async def test_structured_output_is_parsed(proxy: Running) -> None:
    async with client(proxy) as ai:
        message = await ai.messages.parse(
            model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": "A town"}], output_format=Town
        )
    assert message.parsed_output == Town(name="text", people=1)


def kept(message: anthropic.types.Message) -> list[dict[str, Any]]:
    """All blocks, thinking included."""
    return [block.to_dict() for block in message.content]


def rebuilt(message: anthropic.types.Message) -> list[dict[str, Any]]:
    """Texts and calls only, as agents do that know nothing of thinking."""
    return [block for block in kept(message) if block["type"] in {"text", "tool_use"}]


@conformance(feature="messages: tool loop of three turns, signatures enforced")
@streaming
@pytest.mark.parametrize("again", [kept, rebuilt])
@pytest.mark.parametrize("thinking", ["adaptive", "disabled"])
async def test_tool_loop_runs_to_its_end(proxy: Running, stream: bool, again: Any, thinking: str) -> None:
    said: list[Any] = []
    options: Any = {"tools": FUNCTIONS, "thinking": {"type": thinking}}
    async with client(proxy) as ai:
        for errand in ERRANDS:
            said.append(user(errand.prompt))
            for step in errand.steps:
                message = await ask(ai, stream, said, **options)
                assert message.stop_reason == "tool_use"
                uses = [block for block in message.content if block.type == "tool_use"]
                assert [(use.name, use.input) for use in uses] == step
                said.append({"role": "assistant", "content": again(message)})
                answers = [
                    {"type": "tool_result", "tool_use_id": use.id, "content": run(use.name, arguments)}
                    for use, (_, arguments) in zip(uses, step, strict=True)
                ]
                said.append(user(answers))
            message = await ask(ai, stream, said, **options)
            assert all(result in text_of(message) for result in results(errand))
            said.append({"role": "assistant", "content": again(message)})
    assert_signed(proxy)


@conformance(feature="messages: count_tokens")
async def test_tokens_are_counted(proxy: Running) -> None:
    async with client(proxy) as ai:
        short = await ai.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Say hello"}])
        more = await ai.messages.count_tokens(
            model=MODEL, messages=[{"role": "user", "content": "Say hello"}], system="Be brief. " * 9, tools=FUNCTIONS
        )
    assert 0 < short.input_tokens < more.input_tokens


@conformance(feature="models: list and get")
async def test_models_are_listed_in_anthropics_form(proxy: Running) -> None:
    async with client(proxy) as ai:
        listed = [model.id async for model in ai.models.list(limit=3)]
        assert (await ai.models.retrieve(MODEL)).id == MODEL
        with pytest.raises(anthropic.NotFoundError):
            await ai.models.retrieve("no-such-model")
    assert MODEL in listed
