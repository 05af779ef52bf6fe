"""What Google demands of generationConfig and safetySettings.

Source: upstream-wire.md §3.3, §3.9.
"""

from __future__ import annotations

from typing import Any

from adapters.simulator.models import Model
from adapters.simulator.refusal import Refusal
from adapters.simulator.tools import check_schema, declarations

_CATEGORIES = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
)
_PREDICATE = ", ".join(f"HarmCategory.{name}" for name in _CATEGORIES)
_MIME_TYPES = ("text/plain", "application/json", "text/x.enum", "application/xml", "application/yaml")
_ONE_HOP = 32_768
_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_RANGES: tuple[tuple[str, str, float, float], ...] = (
    ("temperature", "temperature must be in the range [0.0, 2.0].", 0, 2),
    ("topP", "top_p must be in the range [0.0, 1.0].", 0, 1),
    ("topK", "top_k must be positive.", 1, 1e9),
    ("candidateCount", "candidate_count must be in the range [1, 8].", 1, 8),
    ("logprobs", "logprobs must be in the range [0, 20].", 0, 20),
    ("presencePenalty", "presence_penalty must be in the range [-2.0, 2.0).", -2, 1.999999),
    ("frequencyPenalty", "frequency_penalty must be in the range [-2.0, 2.0).", -2, 1.999999),
)


def check_safety(request: dict[str, Any]) -> None:
    """Refuse unknown and repeated safety categories."""
    seen: set[str] = set()
    for number, setting in enumerate(request.get("safetySettings", ())):
        category = setting.get("category", "HARM_CATEGORY_UNSPECIFIED")
        path = f"GenerateContentRequest.safety_settings[{number}]"
        if category not in _CATEGORIES:
            raise Refusal.invalid(f"* {path}: element predicate failed: $.category in ({_PREDICATE})\n")
        if category in seen:
            raise Refusal.invalid(f"* {path}: duplicate category {category}\n")
        seen.add(category)


def check_config(request: dict[str, Any], model: Model, *, stream: bool) -> None:
    """Refuse sampling, length and format settings that the model does not take."""
    config = request.get("generationConfig", {})
    for name, text, low, high in _RANGES:
        if name in config and not low <= config[name] <= high:
            raise Refusal.invalid(f"* GenerateContentRequest.generation_config.{name}: {text}\n")
    _check_enabled(config, model)
    _check_length(config, request, model, stream=stream)
    _check_format(config, request, model)
    _check_modalities(config, model)


def _check_enabled(config: dict[str, Any], model: Model) -> None:
    if config.get("candidateCount", 1) > 1 and model.image:
        raise Refusal.invalid("Multiple candidates is not enabled for this model")
    if len(config.get("stopSequences", ())) > 5:
        raise Refusal.invalid("The number of stop sequences exceeds the maximum of 5.")
    if model.image and {"presencePenalty", "frequencyPenalty"} & config.keys():
        raise Refusal.invalid(f"Penalty is not enabled for models/{model.name}")
    if config.get("responseLogprobs") and model.image:
        raise Refusal.invalid(f"Logprobs is not enabled for models/{model.name}")
    if "logprobs" in config and not config.get("responseLogprobs"):
        raise Refusal.invalid("Logprobs can only be set if response_logprobs is true.")


def _check_length(config: dict[str, Any], request: dict[str, Any], model: Model, *, stream: bool) -> None:
    limit = config.get("maxOutputTokens")
    if limit is None:
        return
    if model.long_decode:
        if limit > _ONE_HOP and not stream and "continuationToken" not in request:
            raise Refusal.invalid(
                f"max_output_tokens above {_ONE_HOP} needs a streaming method or a continuation_token."
            )
    elif not 1 <= limit <= model.output_tokens:
        raise Refusal.invalid(
            f"Unable to submit request because it has a maxOutputTokens value of {limit} but the supported range"
            f" is from 1 (inclusive) to {model.output_tokens + 1} (exclusive). Update the value and try again."
        )


def _check_format(config: dict[str, Any], request: dict[str, Any], model: Model) -> None:
    mime = config.get("responseMimeType", "text/plain")
    schema = config.get("responseSchema")
    if mime not in _MIME_TYPES:
        raise Refusal.invalid(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`,"
            " `application/json`, `application/xml`, `application/yaml` and `text/x.enum`.\n"
        )
    if schema is not None and "responseJsonSchema" in config:
        raise Refusal.invalid("Only one of response_schema and response_json_schema may be set.")
    if mime == "text/plain" and (schema is not None or "responseJsonSchema" in config):
        raise Refusal.invalid(
            "* GenerateContentRequest.generation_config.response_schema: response_mime_type must be"
            " `application/json` or `text/x.enum` when response_schema is set.\n"
        )
    if schema is not None:
        check_schema(schema, "GenerateContentRequest.generation_config.response_schema", model)
    if mime == "application/json" and model.generation < 3 and declarations(request):
        raise Refusal.invalid(f"Function calling with a response mime type: '{mime}' is unsupported")


def _check_modalities(config: dict[str, Any], model: Model) -> None:
    wanted = {word.upper() for word in config.get("responseModalities", ())}
    if "IMAGE" in wanted and not model.image:
        raise Refusal.invalid("Model does not support the requested response modalities: image")
    image = config.get("imageConfig", {})
    if image and image.get("aspectRatio", "1:1") not in _ASPECTS:
        raise Refusal.invalid("aspect_ratio must be one of " + ", ".join(f"'{name}'" for name in _ASPECTS) + ".")
    if image and image.get("imageSize", "1K") not in ("1K", "2K", "4K"):
        raise Refusal.invalid("image_size must be one of '1K', '2K', '4K'.")
