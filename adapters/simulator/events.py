"""An answer as Google's response objects: one per event, with usage so far, or all in one.

Source: upstream-wire.md §3.4.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from adapters.simulator.answers import Answer, Part
from adapters.simulator.tokens import count_part

Event = dict[str, Any]


class Context(Struct, frozen=True):
    """What every event of one answer repeats."""

    model: str
    answer_id: str
    prompt_tokens: int
    cached_tokens: int = 0
    candidates: int = 1
    logprobs: bool = False


def events(answer: Answer, context: Context) -> list[Event]:
    """The stream of response objects; only the last has a finishReason."""
    steps = [*answer.thoughts, *(answer.steps or [[]])]
    spoken, out = 0, []
    for number, parts in enumerate(steps):
        spoken += sum(count_part(part) for part in parts if not part.get("thought"))
        last = number == len(steps) - 1
        candidates = [_candidate(parts, index, answer, context, last=last) for index in range(context.candidates)]
        out.append(event(context, candidates, spoken * context.candidates, answer.thought_tokens))
    return out


def event(context: Context, candidates: list[dict[str, Any]], spoken: int, thought: int) -> Event:
    """One response object."""
    return {
        "candidates": candidates,
        "usageMetadata": _usage(context, spoken, thought),
        "modelVersion": context.model,
        "responseId": context.answer_id,
    }


def merged(stream: list[Event]) -> Event:
    """The same answer in one response object: text of one kind joined, signed parts left alone."""
    whole = dict(stream[-1])
    if "candidates" not in whole:
        return whole
    candidates = []
    for index, last in enumerate(whole["candidates"]):
        parts: list[Part] = []
        for item in stream:
            for part in item["candidates"][index].get("content", {}).get("parts", ()) if "candidates" in item else ():
                _append(parts, part)
        content = {"role": "model", "parts": parts} if parts else {"role": "model"}
        candidates.append({**last, "content": content})
    return whole | {"candidates": candidates}


def _append(parts: list[Part], part: Part) -> None:
    previous = parts[-1] if parts else {}
    same_kind = "text" in part and "text" in previous and part.get("thought") == previous.get("thought")
    if part.get("text") == "" and same_kind and "thoughtSignature" not in previous:
        # In one object the signature of an answer sits on its last text part.
        parts[-1] = {**previous, **part, "text": previous["text"]}
    elif same_kind and not ({"thoughtSignature"} & (part.keys() | previous.keys())):
        parts[-1] = {**previous, "text": previous["text"] + part["text"]}
    else:
        parts.append(part)


def _candidate(parts: list[Part], index: int, answer: Answer, context: Context, *, last: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"role": "model"}
    if parts:
        content["parts"] = parts
    candidate: dict[str, Any] = {"content": content, "index": index}
    if not last:
        return candidate
    candidate |= {"finishReason": answer.finish, **answer.extras}
    if answer.message:
        candidate["finishMessage"] = answer.message
    return candidate | _likelihood(answer) if context.logprobs else candidate


def _usage(context: Context, spoken: int, thought: int) -> dict[str, Any]:
    """Counts so far; what is zero is left out, what was cached is part of the prompt."""
    cached = min(context.cached_tokens, context.prompt_tokens)
    counts = {
        "promptTokenCount": context.prompt_tokens,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": spoken,
        "thoughtsTokenCount": thought,
        "totalTokenCount": context.prompt_tokens + spoken + thought,
    }
    usage: dict[str, Any] = {name: count for name, count in counts.items() if count}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": context.prompt_tokens}]
    return usage | {"cacheTokensDetails": [{"modality": "TEXT", "tokenCount": cached}]} if cached else usage


def _likelihood(answer: Answer) -> dict[str, Any]:
    texts = [part["text"] for step in answer.steps for part in step if part.get("text")]
    chosen = [{"token": text, "tokenId": 1000 + n, "logProbability": -0.125} for n, text in enumerate(texts)]
    top = [{"candidates": [token]} for token in chosen]
    return {"avgLogprobs": -0.125, "logprobsResult": {"topCandidates": top, "chosenCandidates": chosen}}
