"""One question to each face of Pollux through the Python library that speaks it, whole or as a stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types
from msgspec import Struct

from tests.e2e.errands import MODEL
from tests.proxy import KEY, Running


class Question(Struct, frozen=True):
    """What is asked, by whom."""

    proxy: Running
    text: str = "Say hello"
    model: str = MODEL
    key: str = KEY
    stream: bool = False
    retries: int = 0


Ask = Callable[[Question], Awaitable[str]]


async def chat(question: Question) -> str:
    """Ask by chat completions; return the text."""
    options: Any = {"model": question.model, "messages": [{"role": "user", "content": question.text}]}
    async with _openai(question) as ai:
        if not question.stream:
            return (await ai.chat.completions.create(**options)).choices[0].message.content or ""
        async with ai.chat.completions.stream(**options) as events:
            answer = await events.get_final_completion()
    return answer.choices[0].message.content or ""


async def responses(question: Question) -> str:
    """Ask by responses; return the text."""
    options: Any = {"model": question.model, "input": question.text}
    async with _openai(question) as ai:
        if not question.stream:
            return str((await ai.responses.create(**options)).output_text)
        async with ai.responses.stream(**options) as events:
            return (await events.get_final_response()).output_text


async def messages(question: Question) -> str:
    """Ask by Anthropic's messages; return the text."""
    options: Any = {"model": question.model, "max_tokens": 1000}
    options["messages"] = [{"role": "user", "content": question.text}]
    client = anthropic.AsyncAnthropic(base_url=question.proxy.url, api_key=question.key, max_retries=question.retries)
    async with client as ai:
        if not question.stream:
            message = await ai.messages.create(**options)
        else:
            async with ai.messages.stream(**options) as events:
                message = await events.get_final_message()
    return "".join(block.text for block in message.content if block.type == "text")


async def generate(question: Question) -> str:
    """Ask by google-genai; return the text."""
    http = types.HttpOptions(base_url=question.proxy.url)
    options: Any = {"model": question.model, "contents": question.text}
    async with genai.Client(api_key=question.key, http_options=http).aio as ai:
        if not question.stream:
            return (await ai.models.generate_content(**options)).text or ""
        return "".join([chunk.text or "" async for chunk in await ai.models.generate_content_stream(**options)])


def _openai(question: Question) -> openai.AsyncOpenAI:
    url = f"{question.proxy.url}/v1"
    return openai.AsyncOpenAI(base_url=url, api_key=question.key, max_retries=question.retries)
