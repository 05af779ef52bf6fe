"""The real openai library's Responses API through Pollux to every upstream."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.errands import ERRANDS, MODEL, PARAMETERS, PIXEL, TOOLS, assert_signed, results, run
from tests.e2e.upstreams import asked
from tests.proxy import KEY, Running

conformance = partial(pytest.mark.conformance, client="openai (Python)")
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

FUNCTIONS: Any = [
    {"type": "function", "name": name, "description": said, "parameters": PARAMETERS, "strict": True}
    for name, said in TOOLS.items()
]


class Town(BaseModel):
    """What structured output is asked for."""

    name: str
    people: int


def client(proxy: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0)


async def ask(ai: openai.AsyncOpenAI, stream: bool, said: Any, **options: Any) -> Any:
    """The whole response, put together by the library where it came in pieces."""
    options = {"model": MODEL, "input": said, **options}
    if not stream:
        return await ai.responses.create(**options)
    async with ai.responses.stream(**options) as events:
        return await events.get_final_response()


@conformance(feature="responses: text and usage")
@streaming
async def test_response_answers(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        response = await ask(ai, stream, "Say hello")
    assert response.output_text == "You said: Say hello"
    assert response.status == "completed"
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


@conformance(feature="responses: reasoning summaries")
@streaming
async def test_thoughts_are_a_reasoning_item(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        response = await ask(ai, stream, "Say hello", reasoning={"effort": "high", "summary": "auto"})
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert "Reading the request" in response.output[0].summary[0].text
    assert asked(proxy)[0]["generationConfig"]["thinkingConfig"]["thinkingLevel"].upper() == "HIGH"


@conformance(feature="responses: instructions, several turns, images inline")
@streaming
async def test_conversation_reaches_google_turn_by_turn(proxy: Running, stream: bool) -> None:
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    said: list[Any] = [{"role": "user", "content": "One"}]
    async with client(proxy) as ai:
        first = await ask(ai, stream, said, instructions="Be brief.")
        said += [item.to_dict() for item in first.output]
        said.append({"role": "user", "content": [{"type": "input_text", "text": "Three"}, picture]})
        second = await ask(ai, stream, said, instructions="Be brief.")
    assert second.output_text == "You said: Three"
    request = asked(proxy)[-1]
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert [content["role"] for content in request["contents"]] == ["user", "model", "user"]
    assert request["contents"][1]["parts"][-1]["text"] == "You said: One"
    assert request["contents"][2]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": PIXEL}}


@conformance(feature="responses: parse() of structured output")
@streaming
async def test_structured_output_is_parsed(proxy: Running, stream: bool) -> None:
    async with client(proxy) as ai:
        if stream:
            async with ai.responses.stream(model=MODEL, input="A town", text_format=Town) as events:
                response = await events.get_final_response()
        else:
            response = await ai.responses.parse(model=MODEL, input="A town", text_format=Town)
    assert response.output_parsed == Town(name="text", people=1)


def kept(output: list[Any]) -> list[Any]:
    """All items, as the library's own examples send them back."""
    return [item.to_dict() for item in output]


def rebuilt(output: list[Any]) -> list[Any]:
    """Calls and texts only, without reasoning, ids and status."""
    texts = [
        {"role": "assistant", "content": part.text}
        for item in output
        if item.type == "message"
        for part in item.content
    ]
    return texts + [
        {"type": "function_call", "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
        for item in output
        if item.type == "function_call"
    ]


@conformance(feature="responses: tool loop of three turns, signatures enforced")
@streaming
@pytest.mark.parametrize("again", [kept, rebuilt])
async def test_tool_loop_runs_to_its_end(proxy: Running, stream: bool, again: Any) -> None:
    said: list[Any] = []
    async with client(proxy) as ai:
        for errand in ERRANDS:
            said.append({"role": "user", "content": errand.prompt})
            for step in errand.steps:
                response = await ask(ai, stream, said, tools=FUNCTIONS, store=False)
                calls = [item for item in response.output if item.type == "function_call"]
                assert [(call.name, json.loads(call.arguments)) for call in calls] == step
                said += again(response.output)
                said += [
                    {"type": "function_call_output", "call_id": call.call_id, "output": run(call.name, arguments)}
                    for call, (_, arguments) in zip(calls, step, strict=True)
                ]
            response = await ask(ai, stream, said, tools=FUNCTIONS, store=False)
            assert all(result in response.output_text for result in results(errand))
            said += again(response.output)
    assert_signed(proxy)


@conformance(feature="responses: what needs a store is refused")
@pytest.mark.parametrize("upstream", ["gemini_api"])
async def test_stored_response_is_refused_by_name(proxy: Running) -> None:
    async with client(proxy) as ai:
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            await ask(ai, False, "Say hello", previous_response_id="resp_made_up")
    assert len(proxy.google.requests) == 0
