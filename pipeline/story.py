"""An answer told in several attempts: what was said so far, whether it may go on, and its one end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import Broken, ProxyError
from pipeline.grounding import joined, shifted
from pipeline.seam import Seam
from pipeline.sources import parts_of, said, summed

if TYPE_CHECKING:
    from pipeline.exchange import Chunk

_TEXT = frozenset({"text", "thought", "thoughtSignature", "partMetadata"})
"""What a part that is nothing but text may consist of."""


class Story:
    """Takes the events of every attempt and gives back what the caller has not seen yet.

    Shape: per attempt `payload`, `take` for each event, `check` after the last, then `end_attempt`, whatever happened;
        once, at the end, `finish`. `at_limit` says that an answer which reached its token limit goes on as well.
    """

    def __init__(self, prompt: str, *, at_limit: bool) -> None:
        self._prompt = prompt
        self._at_limit = at_limit
        self._attempt = 0
        self._begun = False
        self._text = ""
        self._only_text = True
        self._seam = Seam("")
        self._usages: list[Chunk] = []
        self._told = 0
        self._grounding: Chunk = {}
        self._grounds: Chunk = {}
        self._last: Chunk | None = None
        self._truncated: Chunk | None = None
        self._failure: ProxyError | None = None

    @property
    def resumable(self) -> bool:
        """Whether the story has begun, and with nothing but text: only such a one can be told on."""
        return self._begun and self._only_text

    @property
    def truncated(self) -> bool:
        """Whether upstream ended the answer at its token limit, and it may go on."""
        reason = (self._last or {}).get("candidates", [{}])[0].get("finishReason")
        return self._at_limit and self.resumable and reason == "MAX_TOKENS" and bool(self._text)

    def payload(self, original: Chunk) -> Chunk:
        """Begin an attempt and return its request; the caller's own is never changed."""
        self._truncated, self._last = self._last or self._truncated, None
        self._seam = Seam(self._text)
        self._told = len(self._text)
        self._usages.append({})
        self._attempt += 1
        if not self._text:
            return original
        contents = [
            *original.get("contents", ()),
            {"role": "model", "parts": [{"text": self._text}]},
            {"role": "user", "parts": [{"text": self._prompt}]},
        ]
        return {**original, "contents": contents}

    def take(self, chunk: Chunk) -> list[Chunk]:
        """Return what of one event goes to the caller now; a finish is held until it is clear that it is the one."""
        usage = chunk.pop("usageMetadata", None)
        if usage:
            self._usages[-1] = usage
        candidates = chunk.get("candidates")
        if not candidates:
            if "promptFeedback" in chunk and self._attempt == 1:
                self._begun, self._only_text, self._last = True, False, chunk
            return []
        self._begun = True
        if grounding := candidates[0].pop("groundingMetadata", None):
            self._grounds = joined(self._grounds, grounding)
        parts = parts_of(chunk)
        self._only_text = self._only_text and all(part.keys() <= _TEXT for part in parts)
        if candidates[0].get("finishReason"):
            self._last = {**chunk, "candidates": [{**candidates[0], "content": {"role": "model", "parts": []}}]}
            chunk = {**chunk, **said(parts)}
        return self._new(chunk, parts)

    def check(self) -> None:
        """Make sure that upstream said why it stopped. Errors: Broken."""
        if self._last is None:
            raise Broken("Upstream ended its answer without a finishReason.", error_type="provider_cut")

    def end_attempt(self, failure: ProxyError | None) -> Chunk | None:
        """Return what the seam still held when an attempt is over."""
        self._failure = self._failure or failure
        text = self._seam.flush()
        self._text += text
        if self._grounds:
            # Google counts from where the attempt began, which is where what it repeats stands already.
            before = self._text[: self._told - self._seam.repeated]
            self._grounding = joined(self._grounding, shifted(self._grounds, len(before.encode())))
            self._grounds = {}
        return said([{"text": text}]) if text else None

    def finish(self) -> Chunk:
        """Return the one finish: the last attempt's, or that of the truncation which could not be continued.

        Errors: what first broke the answer off, when upstream never finished it.
        """
        last = self._last or self._truncated
        if last is None:
            assert self._failure is not None, "an attempt ends with a finish or a failure"
            raise self._failure
        if self._grounding and "candidates" in last:
            last = {**last, "candidates": [{**last["candidates"][0], "groundingMetadata": self._grounding}]}
        return {**last, "usageMetadata": summed(self._usages)}

    def _new(self, chunk: Chunk, parts: list[Chunk]) -> list[Chunk]:
        if self._attempt > 1:
            # What the model thinks of having been interrupted is not part of the answer.
            parts = [new for part in parts if not part.get("thought") for new in self._joined(part)]
            chunk = said(parts)
        self._text += "".join(part.get("text", "") for part in parts if not part.get("thought"))
        return [chunk] if parts else []

    def _joined(self, part: Chunk) -> list[Chunk]:
        if "text" in part:
            part = {**part, "text": self._seam.feed(part["text"])}
            return [] if part == {"text": ""} else [part]
        held = self._seam.flush()
        return [{"text": held}, part] if held else [part]
