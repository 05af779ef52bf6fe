"""The real google-genai library talks straight to the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from google import genai
from google.genai import errors, types

from adapters.simulator import Fault, Simulator

MODEL = "gemini-3.8-flash"
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="Weather of a city",
    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TOOLS = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[WEATHER])])


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[genai.client.AsyncClient]:
    options = types.HttpOptions(base_url=sim.url, retry_options=types.HttpRetryOptions(attempts=1))
    async with genai.Client(api_key="test-key-1", http_options=options).aio as client:
        yield client


def _answers(content: types.Content) -> types.Content:
    calls = [part.function_call for part in content.parts or [] if part.function_call]
    parts = [
        types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"celsius": 20}))
        for c in calls
    ]
    return types.Content(role="user", parts=parts)


async def test_unary_text_echoes_the_prompt(client, sim):
    answer = await client.models.generate_content(model=MODEL, contents="hello there")
    assert answer.text == "You said: hello there"
    assert answer.model_version == MODEL
    assert sim.requests[0].headers["x-goog-api-key"] == "test-key-1"


async def test_stream_has_thoughts_text_and_cumulative_usage(client):
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    stream = await client.models.generate_content_stream(model=MODEL, contents="one two three four", config=config)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].candidates[0].content.parts[0].thought
    assert "".join(chunk.text or "" for chunk in chunks) == "You said: one two three four"
    totals = [chunk.usage_metadata.total_token_count for chunk in chunks]
    assert totals == sorted(totals)
    usage = chunks[-1].usage_metadata
    assert usage.total_token_count == (
        usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    )
    assert [chunk.candidates[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].candidates[0].content.parts[0].thought_signature


@pytest.mark.parametrize("model", [MODEL, "gemini-4-argon", "gemini-2.5-flash"])
async def test_tool_loop_of_three_turns_ends_in_text(client, model):
    prompt = 'call get_weather {"city":"Paris"} and get_weather {"city":"Rome"} then call get_weather {"city":"Oslo"}'
    history: list[types.Content] = [types.UserContent(prompt)]
    steps = []
    for _ in range(3):
        answer = await client.models.generate_content(model=model, contents=history, config=TOOLS)
        steps.append([call.args["city"] for call in answer.function_calls or []])
        history += [answer.candidates[0].content, _answers(answer.candidates[0].content)]
    assert steps == [["Paris", "Rome"], ["Oslo"], []]
    assert answer.text == 'The tools have spoken: get_weather answered {"celsius":20}.'


async def test_first_call_only_carries_the_signature(client):
    answer = await client.models.generate_content(
        model=MODEL, contents='call get_weather {"city":"a"} and get_weather {"city":"b"}', config=TOOLS
    )
    signatures = [bool(part.thought_signature) for part in answer.candidates[0].content.parts]
    assert signatures == [True, False]
    assert all(call.id for call in answer.function_calls)


async def test_lost_signature_is_refused(client):
    history = [types.UserContent('call get_weather {"city":"Paris"}')]
    answer = await client.models.generate_content(model=MODEL, contents=history, config=TOOLS)
    content = answer.candidates[0].content
    content.parts[0].thought_signature = None
    with pytest.raises(errors.ClientError, match="missing a thought_signature"):
        await client.models.generate_content(model=MODEL, contents=[*history, content, _answers(content)], config=TOOLS)


async def test_json_answer_fulfils_the_schema(client):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 7}}, "required": ["n"]}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
    answer = await client.models.generate_content(model=MODEL, contents="count", config=config)
    assert answer.text == '{"n":7}'


async def test_search_answer_is_grounded_in_utf8_bytes(client):
    config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    answer = await client.models.generate_content(model=MODEL, contents="Zürich?", config=config)
    segment = answer.candidates[0].grounding_metadata.grounding_supports[0].segment
    assert segment.end_index == len(answer.text.encode())


async def test_code_execution_shows_code_and_result(client):
    config = types.GenerateContentConfig(tools=[types.Tool(code_execution=types.ToolCodeExecution())])
    answer = await client.models.generate_content(model=MODEL, contents="6*7", config=config)
    assert answer.executable_code == "print(6 * 7)"
    assert answer.code_execution_result == "42\n"


async def test_image_model_draws_a_signed_png(client):
    answer = await client.models.generate_content(model="gemini-3-pro-image", contents="a dot")
    image = answer.candidates[0].content.parts[-1]
    assert image.inline_data.data.startswith(b"\x89PNG")
    assert image.thought_signature


async def test_stop_and_length_cut_the_answer(client):
    stopped = await client.models.generate_content(
        model=MODEL, contents="one STOP two", config=types.GenerateContentConfig(stop_sequences=["STOP"])
    )
    assert stopped.text == "You said: one "
    short = await client.models.generate_content(
        model=MODEL, contents="x" * 150, config=types.GenerateContentConfig(max_output_tokens=20)
    )
    assert short.candidates[0].finish_reason == "MAX_TOKENS"
    eaten = await client.models.generate_content(
        model=MODEL, contents="x", config=types.GenerateContentConfig(max_output_tokens=5)
    )
    assert eaten.candidates[0].finish_reason == "MAX_TOKENS"
    assert eaten.candidates[0].content.parts is None


async def test_candidates_and_logprobs_are_served(client):
    config = types.GenerateContentConfig(candidate_count=2, response_logprobs=True, logprobs=1)
    answer = await client.models.generate_content(model=MODEL, contents="twice", config=config)
    assert [candidate.index for candidate in answer.candidates] == [0, 1]
    assert answer.candidates[0].logprobs_result.chosen_candidates


async def test_models_list_pages_to_the_end(client, sim):
    names = [model.name async for model in await client.models.list(config={"page_size": 7})]
    assert f"models/{MODEL}" in names
    assert len(names) == len(set(names))
    assert len(sim.requests) == -(-len(names) // 7)
    assert (await client.models.get(model=MODEL)).thinking


async def test_counts_and_vectors_are_deterministic(client):
    counted = await client.models.count_tokens(model=MODEL, contents="x" * 40)
    assert counted.total_tokens == 10
    config = types.EmbedContentConfig(output_dimensionality=64)
    vectors = [
        (await client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)).embeddings
        for _ in range(2)
    ]
    assert vectors[0] == vectors[1]
    assert [len(vector.values) for vector in vectors[0]] == [64, 64]


async def test_minute_quota_reaches_the_client_as_429(client, sim):
    sim.script(Fault("429-per-minute", times=1))
    with pytest.raises(errors.ClientError) as caught:
        await client.models.generate_content(model=MODEL, contents="x")
    assert caught.value.code == 429
    assert (await client.models.generate_content(model=MODEL, contents="x")).text == "You said: x"
