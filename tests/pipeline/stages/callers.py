"""Two callers of a running proxy, and what they heard: OpenAI chat and Gemini, streaming or not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpcore
from msgspec import Struct, field

from tests.proxy import KEY, Running

SEARCH = {"functionDeclarations": [{"name": "look_up", "parametersJsonSchema": {"type": "object"}}]}


class Heard(Struct):
    """An answer as its reader puts it together."""

    status: int
    raw: str
    text: str = ""
    thoughts: str = ""
    kinds: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    finishes: list[str] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)


async def post(proxy: Running, path: str, body: dict[str, Any]) -> tuple[int, str]:
    headers = [("authorization", f"Bearer {KEY}")]
    async with httpcore.AsyncConnectionPool() as pool:
        reply = await pool.request("POST", proxy.url + path, headers=headers, content=json.dumps(body).encode())
    return reply.status, reply.content.decode()


async def chat(proxy: Running, model: str, said: Any = "Tell me a story", *, stream: bool = True, **more: Any) -> Heard:
    """Ask in OpenAI's words."""
    body = {"model": model, "messages": [{"role": "user", "content": said}], "stream": stream, **more}
    if stream:
        body["stream_options"] = {"include_usage": True}
    heard = Heard(*await post(proxy, "/v1/chat/completions", body))
    for document in _documents(heard.raw):
        heard.errors += [document["error"]] if "error" in document else []
        heard.usage = document.get("usage") or heard.usage
        for choice in document.get("choices", ()):
            delta = choice["delta"] if stream else choice["message"]
            for name, kind in (("reasoning_content", "thought"), ("content", "text"), ("tool_calls", "call")):
                heard.kinds += [kind] if delta.get(name) and heard.kinds[-1:] != [kind] else []
            heard.thoughts += delta.get("reasoning_content") or ""
            heard.text += delta.get("content") or ""
            heard.calls += delta.get("tool_calls") or ()
            heard.finishes += [choice["finish_reason"]] if choice["finish_reason"] else []
    return heard


async def native(
    proxy: Running, model: str, said: str = "Tell me a story", *, stream: bool = True, **more: Any
) -> Heard:
    """Ask in Gemini's words."""
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": said}]}], **more}
    heard = Heard(*await post(proxy, f"/v1beta/models/{quote(model)}:{method}", body))
    for document in _documents(heard.raw):
        heard.errors += [document["error"]] if "error" in document else []
        heard.usage = document.get("usageMetadata") or heard.usage
        for candidate in document.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                kind = "call" if "functionCall" in part else "thought" if part.get("thought") else "text"
                heard.kinds += [kind] if part.get("text") != "" and heard.kinds[-1:] != [kind] else []
                heard.thoughts += part.get("text", "") if part.get("thought") else ""
                heard.text += part.get("text", "") if not part.get("thought") else ""
                heard.calls += [part["functionCall"]] if "functionCall" in part else []
            heard.finishes += [candidate["finishReason"]] if "finishReason" in candidate else []
    return heard


def generations(proxy: Running) -> list[dict[str, Any]]:
    """The bodies that asked Google to generate, in order."""
    return [entry.body for entry in proxy.google.requests if "enerateContent" in entry.path]


def _documents(raw: str) -> list[dict[str, Any]]:
    if raw.startswith("{"):
        return [json.loads(raw)]
    lines = (line.strip() for line in raw.splitlines())
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
