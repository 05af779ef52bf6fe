"""Calls to a proxy as a person at a terminal makes them: not through the browser."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from http.client import HTTPMessage
from typing import Any

MODEL = "gemini-3.8-flash"


async def chat(
    url: str, key: str, prompt: str = "Say hello", *, model: str = MODEL, stream: bool = False
) -> tuple[HTTPMessage, str]:
    """Ask for a chat completion; return the answer's headers and body."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}
    return await post(f"{url}/v1/chat/completions", key, body)


async def post(url: str, key: str, body: dict[str, Any]) -> tuple[HTTPMessage, str]:
    """Post JSON; return the answer's headers and body. Errors: HTTPError for what is refused."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    return await asyncio.to_thread(_sent, urllib.request.Request(url, json.dumps(body).encode(), headers))


def _sent(request: urllib.request.Request) -> tuple[HTTPMessage, str]:
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers, answer.read().decode()
