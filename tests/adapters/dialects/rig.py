"""A dialect with nothing around it: requests in, the bytes a caller would get out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2

from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Exchange, Request
from pipeline.ports import Dialect

Answering = Callable[[Exchange], Iterable[Chunk]]


def request(
    path: str, body: Any = None, method: str = "POST", query: str = "", headers: dict[str, str] | None = None
) -> Request:
    """A request as the edge hands it on; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request(
        method=method, path=path, headers=sent, body=b"" if body is None else raw, query_string=query.encode()
    )


def exchange(dialect: Dialect, asking: Request) -> Exchange:
    """What the engine makes of a request before the first stage."""
    asked = dialect.read(asking)
    return Exchange(
        id="req-1",
        request=asking,
        dialect=dialect,
        started=0.0,
        asked=asked,
        model=asked.model,
        payload=asked.payload,
        operation=asked.operation,
        stream=asked.stream,
    )


def reply(dialect: Dialect, x: Exchange, chunks: Iterable[Chunk | ProxyError]) -> bytes:
    """What the relay sends: events as they come, the end if it is one, an error event if it is not.

    A unary answer that fails has sent nothing yet: its error is raised.
    """
    encoder = dialect.encoder(x)
    out = b""
    try:
        for chunk in chunks:
            if isinstance(chunk, ProxyError):
                raise chunk
            x.note(chunk)
            out += encoder.encode(chunk)
        return out + encoder.finish()
    except ProxyError as exc:
        if not x.stream:
            raise
        return out + encoder.error_event(exc)


def transport(dialect: Dialect, answer: Iterable[Chunk | ProxyError], seen: list[Exchange]) -> httpx2.MockTransport:
    """A transport for a real client library: its requests go through the dialect, these chunks come back."""

    def respond(sent: httpx2.Request) -> httpx2.Response:
        asking = Request(
            method=sent.method,
            path=sent.url.path,
            headers=[(name.lower(), value) for name, value in sent.headers.raw],
            body=sent.read(),
            query_string=sent.url.query,
        )
        try:
            x = exchange(dialect, asking)
            seen.append(x)
            if x.operation in {"model", "models"}:
                models = [each for each in answer if isinstance(each, dict)]
                headers, body = [(b"content-type", b"application/json")], dialect.models(x, models)
            else:
                chunks = list(answer)
                if chunks and isinstance(chunks[0], ProxyError):
                    raise chunks[0]
                headers, body = dialect.encoder(x).headers, reply(dialect, x, chunks)
        except ProxyError as exc:
            refusal = dialect.error(exc)
            return httpx2.Response(refusal.status, headers=refusal.headers, content=refusal.body or b"")
        return httpx2.Response(200, headers=headers, content=body)

    return httpx2.MockTransport(respond)


def said(text: str, **extra: Any) -> Chunk:
    """A chunk with one text part."""
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text, **extra}]}, "index": 0}]}


def ended(reason: str = "STOP", parts: list[Chunk] | None = None, **usage: int) -> Chunk:
    """A last chunk: finishReason and usage."""
    candidate: Chunk = {"finishReason": reason, "index": 0}
    if parts is not None:
        candidate["content"] = {"role": "model", "parts": parts}
    return {
        "candidates": [candidate],
        "usageMetadata": usage or {"promptTokenCount": 3, "totalTokenCount": 3},
    }


def grounded(repeated: bool) -> list[Chunk]:
    """Two sentences, each with the sources of its own, or the second with those of both."""
    a, b = ({"web": {"uri": f"https://{name}.example/", "title": name.upper()}} for name in "ab")
    first = {"segment": {"endIndex": 6, "text": "Été."}, "groundingChunkIndices": [0]}
    segment = {"startIndex": 7, "endIndex": 13, "text": "Paris."}
    chunks = [said("Été."), said(" Paris."), ended()]
    chunks[0]["candidates"][0]["groundingMetadata"] = {"groundingChunks": [a], "groundingSupports": [first]}
    chunks[2]["candidates"][0]["groundingMetadata"] = (
        {"groundingChunks": [a, b], "groundingSupports": [first, {"segment": segment, "groundingChunkIndices": [1, 0]}]}
        if repeated
        else {"groundingChunks": [b, a], "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0, 1]}]}
    )
    return chunks
