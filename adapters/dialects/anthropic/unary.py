"""A Messages answer in one document."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.dialects.anthropic.answer import parts_of, stop_reason, usage
from adapters.dialects.anthropic.errors import error_document
from adapters.dialects.anthropic.request import Echo
from adapters.dialects.openai import ids
from adapters.dialects.openai.markdown import shown
from adapters.dialects.refusal import JSON
from adapters.dialects.seal import sealed
from pipeline.errors import ProxyError
from pipeline.exchange import Chunk, Exchange


class Message:
    """Gathers the blocks of one message."""

    heartbeat = b"\n"
    transparent = False

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self.headers = JSON
        self._x = x
        self._echo = echo
        self._blocks: list[dict[str, Any]] = []
        self._called: set[str] = set()

    def encode(self, chunk: Chunk) -> bytes:
        for part in parts_of(chunk):
            if part.get("thought"):
                self._says("thinking", part.get("text", ""))
                continue
            if "thoughtSignature" in part:
                self._sign(part)
            if "functionCall" in part:
                self._call(part["functionCall"])
            else:
                self._says("text", part["text"] if "text" in part else shown(part))
        return b""

    def finish(self) -> bytes:
        answered = any(block["type"] != "thinking" for block in self._blocks)
        reason = stop_reason(self._x, answered=answered, called=bool(self._called))
        message = {
            "id": f"msg_{self._x.id}",
            "type": "message",
            "role": "assistant",
            "model": self._x.named,
            "content": self._blocks,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": usage(self._x.usage),
        }
        return orjson.dumps(message)

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))

    def _says(self, kind: str, text: str) -> None:
        if not text:
            return
        last = self._blocks[-1] if self._blocks else {}
        if last.get("type") == kind and not last.get("signature"):
            last[kind] += text
        elif kind == "text":
            self._blocks.append({"type": "text", "text": text})
        else:
            self._blocks.append({"type": "thinking", "thinking": text, "signature": ""})

    def _sign(self, part: dict[str, Any]) -> None:
        """Put a signature on the thinking before its part; on a block of its own where there was none."""
        last = self._blocks[-1] if self._blocks else {}
        thought = last.get("type") == "thinking"
        if thought and not last["signature"]:
            last["signature"] = sealed(part)
        elif self._echo.thinking and part.get("text") != "":
            self._blocks.append({"type": "thinking", "thinking": "", "signature": sealed(part)})

    def _call(self, call: dict[str, Any]) -> None:
        self._blocks.append(
            {
                "type": "tool_use",
                "id": ids.portable(call.get("id"), self._called),
                "name": self._echo.names.get(call["name"], call["name"]),
                "input": call.get("args") or {},
            }
        )


class Count:
    """The answer to a count of tokens."""

    headers = JSON
    heartbeat = b"\n"
    transparent = False

    def __init__(self) -> None:
        self._tokens = 0

    def encode(self, chunk: Chunk) -> bytes:
        self._tokens = chunk.get("totalTokens", 0)
        return b""

    def finish(self) -> bytes:
        return b'{"input_tokens":%d}' % self._tokens

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))
