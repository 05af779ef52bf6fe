"""The response object: what it repeats of the request, its output, how it ended."""

from __future__ import annotations

import time
from typing import Any

from adapters.dialects.finish import broken, finish
from adapters.dialects.responses.output import Output
from adapters.dialects.responses.request import Echo
from pipeline.errors import Broken, ProxyError
from pipeline.exchange import Chunk, Exchange

_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}


class Answer:
    """One response from its creation to its end; `output` gathers its items."""

    def __init__(self, x: Exchange, echo: Echo) -> None:
        self.output = Output(x.id, echo)
        self._x = x
        self._head: dict[str, Any] = {
            "id": f"resp_{x.id}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": x.named,
            "output": [],
            "previous_response_id": None,
            "store": False,
            "usage": None,
            **echo.mirror,
        }

    def begun(self) -> dict[str, Any]:
        """Return the response as it is at first."""
        return self._head

    def status(self) -> str:
        """Return `completed` or `incomplete`. Errors: Broken when upstream ended it in a way that is no answer."""
        reason = self._x.finish.get(0, "")
        if error_type := broken(reason, self.output.answered):
            raise Broken(f"Upstream ended the answer with {reason}.", error_type=error_type)
        return "completed" if self._word() == "completed" else "incomplete"

    def ended(self, status: str) -> dict[str, Any]:
        """Return the whole response."""
        details = {"reason": self._word()} if status == "incomplete" else None
        return {
            **self._head,
            "status": status,
            "incomplete_details": details,
            "output": self.output.items,
            "usage": usage(self._x.usage),
        }

    def failed(self, exc: ProxyError) -> dict[str, Any]:
        """Return the response as an error left it."""
        error = {"code": _CODES.get(exc.status, "server_error"), "message": exc.message, "type": exc.error_type}
        return {**self._head, "status": "failed", "error": error, "output": self.output.items}

    def _word(self) -> str:
        return finish(self._x.finish.get(0, ""), calls=bool(self.output.called)).responses


def usage(counted: Chunk) -> dict[str, Any]:
    """Return usage in OpenAI's arithmetic: what came from the cache is part of the input, thoughts of the output."""
    prompt = counted.get("promptTokenCount", 0) + counted.get("toolUsePromptTokenCount", 0)
    thoughts = counted.get("thoughtsTokenCount", 0)
    output = counted.get("candidatesTokenCount", 0) + thoughts
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": counted.get("cachedContentTokenCount", 0)},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": thoughts},
        "total_tokens": counted.get("totalTokenCount") or prompt + output,
    }
