"""One candidate of Gemini's on its way to becoming one choice of OpenAI's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import orjson

from adapters.dialects import free_text
from adapters.dialects.finish import broken, finish
from adapters.dialects.openai import ids
from adapters.dialects.openai.citations import citations
from adapters.dialects.openai.echo import Echo
from adapters.dialects.openai.markdown import shown
from adapters.dialects.openai.voice import Voice
from pipeline.errors import Broken
from pipeline.exchange import Chunk
from pipeline.grounding import joined

Delta = dict[str, Any]

_AUDIO_SECONDS = 3600


class Choice:
    """What one choice has said so far, and what follows from it at its end.

    Shape: `text` gathers the content only where grounding may want offsets into it, else it is None.
    """

    def __init__(self, index: int, echo: Echo, grounded: bool) -> None:
        self.index = index
        self.answered = False
        self.reason = ""
        self.text: list[str] | None = [] if grounded else None
        self.voice: Voice | None = None
        self._echo = echo
        self._calls = 0
        self._ids: set[str] = set()
        self._signature = ""
        self._refusal = ""
        self._grounding: dict[str, Any] = {}

    def deltas(self, candidate: Chunk) -> Iterator[Delta]:
        """Take one event of this candidate in and yield what it adds.

        Errors: Broken when upstream ended the answer for a fault of its own; what may follow is no answer.
        """
        for part in (candidate.get("content") or {}).get("parts") or ():
            delta = self._delta(part)
            if delta:
                yield delta
        if grounding := candidate.get("groundingMetadata"):
            self._grounding = joined(self._grounding, grounding)
        if reason := candidate.get("finishReason"):
            self._end(reason, candidate.get("finishMessage") or "")

    def block(self, feedback: Chunk) -> None:
        """Take in that upstream refused the prompt itself."""
        self.reason = "BLOCKED_PROMPT"
        reason = feedback.get("blockReason")
        self._refusal = feedback.get("blockReasonMessage") or f"The prompt was blocked: {reason}."

    def closing(self) -> Delta:
        """Return what belongs to the whole choice and goes out with its end."""
        delta: Delta = {}
        if self._refusal and not self.answered:
            delta["refusal"] = self._refusal
        if self._grounding:
            text = "".join(self.text or ())
            delta["annotations"] = [
                # The Python library refuses list items without an index in a stream.
                {"index": number, **each}
                for number, each in enumerate(citations(self._grounding, text))
            ]
        if self._signature:
            delta["extra_content"] = {"google": {"thought_signature": self._signature}}
        return delta

    def finish_reason(self) -> str:
        """Return OpenAI's word for the end. Errors: Broken when upstream never said why it stopped."""
        if not self.reason:
            raise Broken("Upstream stopped in the middle of the answer.", error_type="provider_cut")
        word = finish(self.reason, self._calls > 0).chat
        return "function_call" if self._echo.legacy and word == "tool_calls" else word

    def _end(self, reason: str, message: str) -> None:
        if error := broken(reason, self.answered):
            raise Broken(message or f"Upstream ended the answer with {reason}.", error_type=error)
        self.reason = reason
        if finish(reason).chat == "content_filter":
            self._refusal = message or f"The answer was blocked: {reason}."

    def _delta(self, part: Chunk) -> Delta | None:
        text = part.get("text")
        if part.get("thought"):
            return {"reasoning_content": text} if text else None
        call = part.get("functionCall")
        if call is not None:
            return self._call(call, part.get("thoughtSignature"))
        # A signature on text stays for the end: a client that appends deltas would glue two of them together.
        self._signature = part.get("thoughtSignature") or self._signature
        inline = part.get("inlineData")
        if inline and (inline.get("mimeType") or "").startswith("audio/"):
            return self._spoken(inline)
        return self._content(shown(part) if text is None else text)

    def _content(self, text: str) -> Delta | None:
        if not text:
            return None
        self.answered = True
        if self.text is not None:
            self.text.append(text)
        return {"content": text}

    def _spoken(self, inline: Chunk) -> Delta:
        self.answered = True
        if self.voice is None:
            self.voice = Voice(f"audio_{token_hex(12)}", int(time.time()) + _AUDIO_SECONDS, self._echo.audio)
        return {"audio": self.voice.delta(inline)}

    def _call(self, call: Chunk, signature: str | None) -> Delta:
        """A call, whole: Google sends them so, and one delta is what every client puts together right."""
        self.answered = True
        name, args = call.get("name") or "", call.get("args") or {}
        name = self._echo.names.get(name, name)
        function = {"name": name, "arguments": orjson.dumps(args).decode()}
        index, self._calls = self._calls, self._calls + 1
        if self._echo.legacy:
            return {"function_call": function} if index == 0 else {}
        tool_call: Delta = {
            "index": index,
            "id": ids.portable(call.get("id"), self._ids),
            "type": "function",
            "function": function,
        }
        if name in self._echo.custom:
            del tool_call["function"]
            tool_call |= {"type": "custom", "custom": {"name": name, "input": free_text.text_of(args)}}
        if signature:
            tool_call["extra_content"] = {"google": {"thought_signature": signature}}
        return {"tool_calls": [tool_call]}
