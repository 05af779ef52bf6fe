"""Stage `anti-truncation`: an answer that broke off is continued, and the seam does not show."""

from collections.abc import AsyncGenerator

from pipeline.errors import Broken, Busy, ProxyError, UpstreamError
from pipeline.exchange import Chunk, Exchange, Open, Source
from pipeline.ports import Ports
from pipeline.sources import events, opener
from pipeline.stage import Stage, StageConfig
from pipeline.story import Story

PROMPT = (
    "Your answer was cut off. Continue it from exactly where it stopped, in the middle of the word if need be. "
    "Do not repeat anything, do not comment on this."
)


class AntiTruncation(StageConfig, frozen=True):
    """Continue an answer that upstream truncated, or that was cut on the way.

    What upstream says decides, never a marker in the text: finishReason MAX_TOKENS, an end without a finishReason, a
    lost connection. What was said is sent back with a request to go on; where the continuation repeats the end of it,
    the repetition is taken out. Only text is continued: nothing after a tool call or a picture, no structured output,
    and nothing that upstream ended for a reason of its own (SAFETY, RECITATION...). One finish and the summed usage
    reach the caller.

    Asked for by the model's name (`anti-truncation/`); then `attempts` is the number of upstream calls at most. With
    `resume` every stream, asked for or not, is resumed when it is cut mid-way, on another credential.
    """

    name = "anti-truncation"
    needs = frozenset({"features", "stream", "payload"})
    gives = frozenset({"source"})

    attempts: int = 3
    resume: bool = False
    prompt: str = PROMPT

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("attempts: an answer takes 1 at least")

    def build(self, ports: Ports) -> Stage:
        async def anti_truncation(x: Exchange) -> None:
            wanted = "anti-truncation" in x.features
            if x.operation != "generate" or not (wanted or (self.resume and x.stream)) or not _is_text(x.payload):
                return
            x.source = _continued(x, self.attempts, Story(self.prompt, at_limit=wanted))

        return anti_truncation


def _is_text(payload: Chunk) -> bool:
    """Structured output and several candidates cannot be joined as text."""
    config = payload.get("generationConfig") or {}
    plain_text = config.get("responseMimeType", "text/plain") == "text/plain"
    return plain_text and bool(config.get("candidateCount", 1) == 1)


def _continued(x: Exchange, attempts: int, story: Story) -> Source:
    async def source(ask: Open) -> AsyncGenerator[list[Chunk], None]:
        for attempt in range(1, attempts + 1):
            failure: ProxyError | None = None
            try:
                async for chunks in events(await opener(x, ask)(story.payload(x.payload), x.stream)):
                    yield [kept for chunk in chunks for kept in story.take(chunk)]
                story.check()
            except ProxyError as exc:
                failure = exc
                _blame(x, exc)
            held = story.end_attempt(failure)
            if held:
                yield [held]
            if attempt == attempts or not (story.truncated or _may_resume(story, failure)):
                break
            x.notes["continued"] = attempt
        yield [story.finish()]

    return source


def _may_resume(story: Story, failure: ProxyError | None) -> bool:
    """Whether another credential may help: what upstream found fault with, it will find fault with again."""
    return story.resumable and isinstance(failure, Broken | Busy) and failure.verdict.action != "give_up"


def _blame(x: Exchange, exc: ProxyError) -> None:
    """Let the credential that met the failure rest as upstream says: the exchange may still end well without it."""
    if isinstance(exc, UpstreamError) and x.lease is not None:
        x.lease.fail(exc)
