"""What the simulated model says: the same answer to the same request, and a useful one.

A prompt is echoed, a wished function is called, a result is quoted, a schema is fulfilled, a picture is drawn.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from typing import Any

import orjson
from msgspec import Struct, field

from adapters.simulator.models import Model
from adapters.simulator.prompt import Wish, last_text, results, wishes
from adapters.simulator.signatures import mint
from adapters.simulator.specimen import specimen
from adapters.simulator.tokens import count_part, count_text
from adapters.simulator.tools import has_tool

Part = dict[str, Any]

_ECHO_CHARACTERS = 200
_WORDS_PER_EVENT = 4
_THOUGHT = "**Reading the request**\n\nThe user wants an answer."
_SEARCH_URL = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/made-up"


class Answer(Struct):
    """One candidate before it is framed.

    Shape: each of `steps` is the parts of one event; `extras` are candidate fields of the last event.
    Units: `thought_tokens` are spent whether or not the thoughts are shown.
    """

    steps: list[list[Part]]
    finish: str = "STOP"
    message: str = ""
    thoughts: list[list[Part]] = field(default_factory=list)
    thought_tokens: int = 0
    extras: dict[str, Any] = field(default_factory=dict)


def compose(request: dict[str, Any], model: Model, answer_id: str, text: str | None, events: int) -> Answer:
    """The answer to a valid request; `text` and `events` replace the echo and its number of events."""
    answer = _content(request, model, answer_id, text, events)
    _think(answer, request, model)
    return _limit(answer, request.get("generationConfig", {}).get("maxOutputTokens"))


def _content(request: dict[str, Any], model: Model, answer_id: str, text: str | None, events: int) -> Answer:
    config = request.get("generationConfig", {})
    called = wishes(request)
    if called:
        return Answer([_calls(called, model, answer_id)])
    if model.image:
        return Answer(_picture(request, model, answer_id))
    if config.get("responseMimeType", "text/plain") != "text/plain":
        return _words(_structured(config), config, events)
    answer = _words(text if text is not None else _reply(request), config, events)
    if has_tool(request, "codeExecution"):
        answer.steps[:0] = _computation()
    if has_tool(request, "googleSearch"):
        answer.extras["groundingMetadata"] = _grounding(request, answer)
    if has_tool(request, "urlContext"):
        answer.extras["urlContextMetadata"] = _fetched(last_text(request))
    if model.signs:
        answer.steps.append([{"text": "", "thoughtSignature": mint(model.name, "", answer_id)}])
    return answer


def _calls(called: list[Wish], model: Model, answer_id: str) -> list[Part]:
    parts: list[Part] = []
    for number, wish in enumerate(called):
        call: dict[str, Any] = {"name": wish.name, "args": wish.args}
        part: Part = {"functionCall": call}
        if model.generation >= 3:
            call["id"] = hashlib.sha256(f"{answer_id} {number}".encode()).hexdigest()[:8]
        if model.signs and number == 0:
            part["thoughtSignature"] = mint(model.name, wish.name, answer_id)
        parts.append(part)
    return parts


def _reply(request: dict[str, Any]) -> str:
    handed = results(request)
    if handed:
        quotes = [
            f"{item.get('name', '')} answered {orjson.dumps(item.get('response', {})).decode()}" for item in handed
        ]
        return "The tools have spoken: " + "; ".join(quotes) + "."
    return f"You said: {last_text(request)[:_ECHO_CHARACTERS]}"


def _structured(config: dict[str, Any]) -> str:
    schema = config.get("responseSchema") or config.get("responseJsonSchema") or {"type": "object"}
    value = specimen(schema)
    return value if config["responseMimeType"] == "text/x.enum" else orjson.dumps(value).decode()


def _words(text: str, config: dict[str, Any], events: int) -> Answer:
    ends = [at for stop in config.get("stopSequences", ()) if (at := text.find(stop)) >= 0]
    kept = text[: min(ends)] if ends else text
    return Answer([[{"text": piece}] for piece in split_words(kept, events)])


def split_words(text: str, events: int) -> list[str]:
    """The text in so many pieces at word boundaries; 0 means a few words each."""
    words = re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text]
    count = min(events or -(-len(words) // _WORDS_PER_EVENT), len(words))
    return ["".join(words[n * len(words) // count : (n + 1) * len(words) // count]) for n in range(count)]


def _think(answer: Answer, request: dict[str, Any], model: Model) -> None:
    config = request.get("generationConfig", {}).get("thinkingConfig", {})
    level = config.get("thinkingLevel", model.default_level)
    budget = config.get("thinkingBudget", 0 if model.rests else -1)
    if not model.thinks or budget == 0 or (model.levels and level == "MINIMAL"):
        return
    answer.thought_tokens = count_text(_THOUGHT)
    if config.get("includeThoughts"):
        answer.thoughts = [[{"text": _THOUGHT, "thought": True}]]


def _limit(answer: Answer, limit: int | None) -> Answer:
    """Stop at maxOutputTokens, which thoughts use up too."""
    if limit is None:
        return answer
    left = limit - answer.thought_tokens
    if left <= 0:
        return Answer([], "MAX_TOKENS", thoughts=answer.thoughts, thought_tokens=limit)
    kept: list[list[Part]] = []
    for step in answer.steps:
        cost = sum(map(count_part, step))
        if cost > left:
            text = step[0].get("text", "")[: left * 4]
            steps = [*kept, [{"text": text}]] if text else kept
            return Answer(steps, "MAX_TOKENS", "", answer.thoughts, answer.thought_tokens)
        kept.append(step)
        left -= cost
    return answer


def _computation() -> list[list[Part]]:
    return [
        [{"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}}],
        [{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42\n"}}],
    ]


def _grounding(request: dict[str, Any], answer: Answer) -> dict[str, Any]:
    text = "".join(part.get("text", "") for step in answer.steps for part in step)
    segment = {"startIndex": 0, "endIndex": len(text.encode()), "text": text}
    return {
        "webSearchQueries": [last_text(request)[:80]],
        "searchEntryPoint": {"renderedContent": "<style>.made-up{}</style>"},
        "groundingChunks": [{"web": {"uri": _SEARCH_URL, "title": "example.com"}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
    }


def _fetched(text: str) -> dict[str, Any]:
    urls = re.findall(r"https?://\S+", text)
    return {
        "urlMetadata": [{"retrievedUrl": url, "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"} for url in urls]
    }


def _picture(request: dict[str, Any], model: Model, answer_id: str) -> list[list[Part]]:
    image: Part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(_png()).decode()}}
    if model.signs:
        image["thoughtSignature"] = mint(model.name, "", answer_id)
    return [[{"text": f"Here is your picture of: {last_text(request)[:80]}"}], [image]]


def _png() -> bytes:
    """One red pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00\xff\x00\x00")),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
