"""Calls to a proxy as a person at a terminal makes them: not through the browser."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from http.client import HTTPMessage

MODEL = "gemini-3.8-flash"


async def chat(url: str, key: str, prompt: str = "Say hello", *, stream: bool = False) -> tuple[HTTPMessage, str]:
    """Ask for a chat completion; return the answer's headers and body."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "stream": stream}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {key}"},
    )
    return await asyncio.to_thread(_sent, request)


def _sent(request: urllib.request.Request) -> tuple[HTTPMessage, str]:
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers, answer.read().decode()
