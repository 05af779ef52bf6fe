"""Stage `anti-truncation`: an answer that broke off is continued, and the seam does not show."""

from collections.abc import AsyncGenerator

from pipeline.errors import Broken, ProxyError, UpstreamError
from pipeline.exchange import Chunk, Exchange, Open, Source
from pipeline.ports import Ports
from pipeline.seam import Seam
from pipeline.sources import events, parts_of, summed, text_of
from pipeline.stage import Stage, StageConfig

PROMPT = (
    "Your answer was cut off. Continue it from exactly where it stopped, in the middle of the word if need be. "
    "Do not repeat anything, do not comment on this."
)


class AntiTruncation(StageConfig, frozen=True):
    """Continue an answer that upstream truncated, or that was cut on the way.

    What upstream says decides, never a marker in the text: finishReason MAX_TOKENS, an end without a finishReason, a
    lost connection. What was said is sent back with a request to go on; where the continuation repeats the end of it,
    the repetition is taken out. Nothing is continued after a tool call, in structured output, or when upstream ended
    the answer for a reason of its own (SAFETY, RECITATION...). One finish and the summed usage reach the caller.

    Asked for by the model's name (`anti-truncation/`); then `attempts` is the number of upstream calls at most. With
    `resume` every answer, asked for or not, is resumed when it is cut mid-way, on another credential.
    """

    name = "anti-truncation"
    needs = frozenset({"features", "stream", "payload"})
    gives = frozenset({"source"})

    attempts: int = 3
    resume: bool = False
    prompt: str = PROMPT

    def build(self, ports: Ports) -> Stage:
        async def anti_truncation(x: Exchange) -> None:
            wanted = "anti-truncation" in x.features
            if x.operation != "generate" or not (wanted or (self.resume and x.stream)) or not _may_continue(x.payload):
                return
            x.source = _continued(x, self.attempts, wanted, self.prompt)

        return anti_truncation


def _may_continue(payload: Chunk) -> bool:
    """Structured output and several candidates cannot be joined as text."""
    config = payload.get("generationConfig") or {}
    plain_text = config.get("responseMimeType", "text/plain") == "text/plain"
    return plain_text and bool(config.get("candidateCount", 1) == 1)


def _continued(x: Exchange, attempts: int, at_limit: bool, prompt: str) -> Source:
    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        story = _Story(at_limit)
        for attempt in range(1, attempts + 1):
            payload = story.payload(x.payload, prompt)
            try:
                async for chunks in events(await ask(payload, x.stream)):
                    yield [kept for chunk in chunks for kept in story.take(chunk)]
                failure: ProxyError | None = None
            except UpstreamError as exc:
                failure = exc
            held = story.end_attempt()
            if held:
                yield [held]
            if attempt == attempts or not story.may_go_on(failure):
                break
            x.notes["continued"] = attempt
        yield [story.finish(failure)]

    return source


class _Story:
    """What has been said so far, over all attempts, and whether it needs to go on."""

    def __init__(self, at_limit: bool) -> None:
        self._at_limit = at_limit
        self._said = ""
        self._seam = Seam("")
        self._usages: list[Chunk] = [{}]
        self._last: Chunk | None = None
        self._before: Chunk | None = None
        self._called = False
        self._begun = False
        self._attempt = 0

    def may_go_on(self, failure: ProxyError | None) -> bool:
        """Whether the answer broke off in a way that may be continued."""
        if self._called or not self._begun:
            return False
        if failure is not None:
            return isinstance(failure, Broken)
        if self._last is None:
            return True
        reason = self._last["candidates"][0].get("finishReason")
        return self._at_limit and reason == "MAX_TOKENS" and bool(self._said)

    def payload(self, original: Chunk, prompt: str) -> Chunk:
        """Return the next request; the caller's own is never changed."""
        self._before, self._last = self._last or self._before, None
        self._seam = Seam(self._said)
        self._attempt += 1
        if not self._said:
            return original
        contents = [
            *original.get("contents", ()),
            {"role": "model", "parts": [{"text": self._said}]},
            {"role": "user", "parts": [{"text": prompt}]},
        ]
        return {**original, "contents": contents}

    def take(self, chunk: Chunk) -> list[Chunk]:
        """Return what of one event goes to the caller now; the finish is held until it is clear that it is one."""
        self._begun = True
        usage = chunk.pop("usageMetadata", None)
        if usage:
            self._usages[-1] = usage
        candidates = chunk.get("candidates")
        if not candidates:
            if "promptFeedback" in chunk:
                self._last = {**chunk, "candidates": [{"finishReason": "BLOCKED_PROMPT"}]}
            return []
        self._called = self._called or any("functionCall" in part for part in parts_of(chunk))
        if candidates[0].get("finishReason"):
            self._last = {
                **chunk,
                "candidates": [{**candidates[0], "content": {"role": "model", "parts": []}}],
            }
            candidates[0].pop("finishReason")
        return self._new(chunk)

    def _new(self, chunk: Chunk) -> list[Chunk]:
        if self._attempt == 1:
            self._said += text_of(chunk)
            return [chunk] if parts_of(chunk) else []
        parts = []
        for part in parts_of(chunk):
            if part.get("thought"):
                continue
            if isinstance(part.get("text"), str):
                text = self._seam.feed(part["text"])
                self._said += text
                part = {**part, "text": text}
                if not text and len(part) == 1:
                    continue
            parts.append(part)
        return [_event(parts)] if parts else []

    def end_attempt(self) -> Chunk | None:
        """Return what the seam still held when an attempt is over."""
        text = self._seam.flush() if self._attempt > 1 else ""
        self._said += text
        self._usages.append({})
        return _event([{"text": text}]) if text else None

    def finish(self, failure: ProxyError | None) -> Chunk:
        """Return the one finish: the last attempt's, or that of the truncation it could not continue.

        Errors: the failure itself, when upstream never finished.
        """
        last = self._last or self._before
        if last is None:
            raise failure or Broken("Upstream ended its answer without a finishReason.", error_type="provider_cut")
        last = dict(last)
        if last["candidates"][0].get("finishReason") == "BLOCKED_PROMPT":
            last.pop("candidates")
        return {**last, "usageMetadata": summed(self._usages)}


def _event(parts: list[Chunk]) -> Chunk:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}]}
