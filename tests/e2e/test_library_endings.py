"""An answer that ends otherwise than by itself says so in each library's own words; a lost call is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from adapters.simulator import Fault, Scenario
from tests.e2e.errands import MODEL
from tests.e2e.upstreams import NO_RETRY, proxy_to
from tests.proxy import KEY, Running

USER: Any = [{"role": "user", "content": "Say hello"}]
ENDS = {
    "max_tokens_in_thinking": ("length", "max_output_tokens", "max_tokens", "MAX_TOKENS"),
    "blocked_prompt": ("content_filter", "content_filter", "refusal", "PROHIBITED_CONTENT"),
    "empty_stop": ("stop", "completed", "end_turn", "STOP"),
}
"""What each face calls the end that Google gave an answer."""


async def chat(proxy: Running, stream: bool) -> str | None:
    """The finish_reason."""
    async with openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0) as ai:
        if not stream:
            return (await ai.chat.completions.create(model=MODEL, messages=USER)).choices[0].finish_reason
        chunks = await ai.chat.completions.create(model=MODEL, messages=USER, stream=True)
        reasons = [choice.finish_reason async for chunk in chunks for choice in chunk.choices]
    return reasons[-1]


async def responses(proxy: Running, stream: bool) -> str | None:
    """The status, or why the response is incomplete."""
    async with openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, max_retries=0) as ai:
        if not stream:
            response = await ai.responses.create(model=MODEL, input="Say hello")
        else:
            events = [event async for event in await ai.responses.create(model=MODEL, input="Say hello", stream=True)]
            last: Any = events[-1]
            assert last.type in {"response.completed", "response.incomplete"}, last
            response = last.response
    return response.incomplete_details.reason if response.incomplete_details else response.status


async def messages(proxy: Running, stream: bool) -> str | None:
    """The stop_reason."""
    async with anthropic.AsyncAnthropic(base_url=proxy.url, api_key=KEY, max_retries=0) as ai:
        if not stream:
            return (await ai.messages.create(model=MODEL, max_tokens=999, messages=USER)).stop_reason
        async with ai.messages.stream(model=MODEL, max_tokens=999, messages=USER) as events:
            return (await events.get_final_message()).stop_reason


async def generate(proxy: Running, stream: bool) -> str | None:
    """The finishReason, or the blockReason."""
    async with genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=proxy.url)).aio as ai:
        if stream:
            last = [chunk async for chunk in await ai.models.generate_content_stream(model=MODEL, contents="Hi")][-1]
        else:
            last = await ai.models.generate_content(model=MODEL, contents="Hi")
    if last.prompt_feedback and last.prompt_feedback.block_reason:
        return last.prompt_feedback.block_reason.value
    assert last.candidates
    assert last.candidates[0].finish_reason
    return last.candidates[0].finish_reason.value


FACES = [
    (chat, "openai (Python)"),
    (responses, "openai (Python)"),
    (messages, "anthropic (Python)"),
    (generate, "google-genai (Python)"),
]
RAISED: Any = (openai.APIError, anthropic.APIError)


def faces(feature: str, count: int) -> Any:
    """The first so many faces, each with its place in ENDS, and a row of the conformance table."""
    return pytest.mark.parametrize(
        ("ask", "place"),
        [
            pytest.param(
                ask,
                place,
                id=ask.__name__,
                marks=pytest.mark.conformance(client=client, feature=f"{ask.__name__}: {feature}"),
            )
            for place, (ask, client) in enumerate(FACES[:count])
        ],
    )


@faces("truncated, blocked and empty answers say so", 4)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("upstream", ["gemini_api", "code_assist"])
@pytest.mark.parametrize("effect", ENDS)
async def test_end_is_told_in_the_librarys_words(
    tmp_path: Path, upstream: str, effect: str, stream: bool, ask: Any, place: int
) -> None:
    scenario = Scenario(faults=[Fault(effect, path="enerateContent")])
    async with proxy_to(upstream, tmp_path, scenario, **NO_RETRY) as proxy:
        assert await ask(proxy, stream) == ENDS[effect][place]
        assert len([entry for entry in proxy.google.requests if "enerateContent" in entry.path]) == 1


@faces("a malformed call is an error", 3)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("upstream", ["gemini_api", "code_assist"])
async def test_malformed_call_is_an_error(tmp_path: Path, upstream: str, stream: bool, ask: Any, place: int) -> None:
    scenario = Scenario(faults=[Fault("malformed_function_call", path="enerateContent")])
    async with proxy_to(upstream, tmp_path, scenario, **NO_RETRY) as proxy:
        with pytest.raises((*RAISED, AssertionError) if ask is responses else RAISED):
            await ask(proxy, stream)
