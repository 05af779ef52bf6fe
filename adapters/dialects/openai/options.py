"""How to answer: the caller's parameters under Gemini's names, with the caller's values.

Source: OpenAI API reference, chat completions; generativelanguage v1beta, GenerationConfig.
"""

from __future__ import annotations

from typing import Any

from adapters.dialects.openai import request
from adapters.dialects.schema import clean
from pipeline.errors import BadRequest
from pipeline.thinking import thinking

_PLAIN = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("n", "candidateCount"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
)

# Google's own fields, as they come in `extra_body.google` in either spelling: where they belong in the payload.
_CONFIG = "generationConfig"
_GOOGLE = {
    "thinkingConfig": _CONFIG,
    "imageConfig": _CONFIG,
    "speechConfig": _CONFIG,
    "responseModalities": _CONFIG,
    "mediaResolution": _CONFIG,
    "responseMimeType": _CONFIG,
    "topK": _CONFIG,
    "cachedContent": "",
    "safetySettings": "",
    "labels": "",
    "serviceTier": "",
}
_VERBATIM = {"labels", "cachedContent", "serviceTier"}
_OBJECTS = {"thinkingConfig", "imageConfig", "speechConfig"}
_DETAILS = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}


def fill(payload: dict[str, Any], body: request.Body) -> None:
    """Write the caller's parameters into the payload. Errors: BadRequest for two that contradict each other."""
    config: dict[str, Any] = {}
    for name, gemini in _PLAIN:
        value = getattr(body, name)
        if value is not None:
            config[gemini] = value
    limit = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    if limit is not None:
        config["maxOutputTokens"] = limit
    if body.stop:
        config["stopSequences"] = [body.stop] if isinstance(body.stop, str) else body.stop
    if body.reasoning_effort:
        config["thinkingConfig"] = thinking(body.model, body.reasoning_effort)
    _fill_form(config, body)
    payload[_CONFIG] = config
    _fill_google(payload, body)
    if not config.get("thinkingConfig", True):
        del config["thinkingConfig"]
    if not config:
        del payload[_CONFIG]


def _fill_form(config: dict[str, Any], body: request.Body) -> None:
    """The form of the answer: JSON, modalities, voice, and how closely pictures are looked at."""
    wanted = body.response_format
    if wanted and wanted.type != "text":
        config["responseMimeType"] = "application/json"
    if wanted and wanted.type == "json_schema":
        if wanted.json_schema is None:
            place = "response_format.json_schema"
            raise BadRequest(f"{place}: required, but missing", field=place)
        if wanted.json_schema.schema:
            config["responseJsonSchema"] = clean(wanted.json_schema.schema)
    if body.modalities:
        # OpenAI's callers must name text beside audio, for its transcript; Gemini speaks or writes.
        spoken = "audio" in body.modalities
        config["responseModalities"] = ["AUDIO"] if spoken else [each.upper() for each in body.modalities]
    if body.audio and body.audio.voice:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": body.audio.voice}}}
    details = {part.image_url.detail for part in _pictures(body) if isinstance(part.image_url, request.Link)}
    for detail in ("high", "low"):
        if detail in details:
            config["mediaResolution"] = _DETAILS[detail]
            break


def _pictures(body: request.Body) -> list[request.ImagePart]:
    return [
        part
        for message in body.messages
        if isinstance(message.content, list)
        for part in message.content
        if isinstance(part, request.ImagePart)
    ]


def _fill_google(payload: dict[str, Any], body: request.Body) -> None:
    """What callers say in Google's own words: `google` where `extra_body` was merged, or nested as documented.

    Errors: BadRequest where an object is due and something else stands: stages rely on it.
    """
    nested = (body.extra_body or {}).get("google")
    google = {**(body.google or {}), **(nested if isinstance(nested, dict) else {})}
    config = payload[_CONFIG]
    for key, value in google.items():
        name = camel(key)
        if value is None:
            continue
        if name in _OBJECTS and not isinstance(value, dict):
            raise BadRequest(f"google.{key}: expected an object", field=f"google.{key}")
        if name == "aspectRatio":
            config.setdefault("imageConfig", {})["aspectRatio"] = value
        elif name == "thinkingConfig":
            config[name] = _thought(config.get(name, {}), camelled(value))
        elif name in _GOOGLE:
            place = config if _GOOGLE[name] else payload
            place[name] = value if name in _VERBATIM else camelled(value)


def _thought(effort: dict[str, Any], explicit: dict[str, Any]) -> dict[str, Any]:
    """Effort and config together; Google refuses two statements of how much."""
    amounts = {"thinkingBudget", "thinkingLevel"}
    if amounts & effort.keys() and amounts & explicit.keys():
        raise BadRequest(
            "reasoning_effort: say how much to think here or in google.thinking_config, not in both",
            field="reasoning_effort",
        )
    return {**effort, **explicit}


def camelled(value: Any) -> Any:
    """Return one of Google's messages with its fields in camelCase, whichever way they came."""
    if isinstance(value, dict):
        return {camel(key): camelled(each) for key, each in value.items()}
    return [camelled(each) for each in value] if isinstance(value, list) else value


def camel(name: str) -> str:
    """Return a field's name in Gemini's spelling."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
