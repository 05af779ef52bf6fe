"""OpenAI's image generation: a prompt in, pictures out, each drawn by a call of its own to a Gemini image model.

Source: OpenAI API reference, images; upstream documentation, ImageConfig.
"""

import math
import re
import time
from collections.abc import Callable
from typing import Any, Literal

import orjson
from msgspec import Struct

from adapters.dialects.document import decoded
from adapters.dialects.finish import broken, finish
from adapters.dialects.openai.errors import error_document
from adapters.dialects.openai.media import standard
from adapters.dialects.refusal import JSON, expect, refusal
from pipeline.errors import BadRequest, Broken, NotFound, ProxyError, Refused
from pipeline.exchange import Asked, Chunk, Exchange, Reply, Request
from pipeline.ports import Encoder

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")

_MOST = 10

_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
_LONG_EDGES = ((3000, "4K"), (1900, "2K"))


class Body(Struct):
    """A request for pictures; `size` is `1536x1024`, or in Google's words `3:2` or `2K`."""

    model: str
    prompt: str
    n: int | None = None
    size: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None


class OpenAIImages:
    """`POST /v1/images/generations`."""

    name = "openai_images"

    def read(self, request: Request) -> Asked:
        if request.path.rstrip("/") != "/v1/images/generations":
            raise NotFound(f"There is nothing at {request.path}.")
        expect("POST", request.method)
        body = decoded(request.body, Body)
        if not body.prompt:
            raise BadRequest("prompt: there is nothing to draw", field="prompt")
        if body.stream:
            raise BadRequest("stream: pictures come whole; leave it out", field="stream")
        if body.n is not None and not 1 <= body.n <= _MOST:
            raise BadRequest(f"n: expected 1 to {_MOST}, got {body.n}", field="n")
        config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
        if image := image_config(body.size):
            config["imageConfig"] = image
        payload = {"contents": [{"role": "user", "parts": [{"text": body.prompt}]}], "generationConfig": config}
        calls = _times(body.n) if body.n and body.n > 1 else None
        return Asked(body.model.removeprefix("models/"), payload, calls=calls, echo=body.response_format or "b64_json")

    def encoder(self, x: Exchange) -> Encoder:
        return Pictures(x, x.asked.echo)

    def models(self, x: Exchange, models: list[Chunk]) -> bytes:
        raise NotFound("Models are listed at /v1/models.")

    def error(self, exc: ProxyError) -> Reply:
        return refusal(exc, error_document)


def _times(count: int) -> Callable[[Chunk], list[Chunk]]:
    """Return what asks for the same so often: image models refuse a candidateCount above 1."""
    return lambda payload: [payload] * count


def image_config(size: str | None) -> dict[str, str]:
    """Return Google's imageConfig for a size: the nearest ratio, and a resolution where more than the usual is due.

    Errors: BadRequest for a size in no form we know.
    """
    if size is None or size == "auto":
        return {}
    if size in RATIOS:
        return {"aspectRatio": size}
    if size.upper() in {"1K", "2K", "4K"}:
        return {"imageSize": size.upper()}
    pixels = _SIZE.fullmatch(size)
    if not pixels:
        raise BadRequest(f"size: expected something like 1024x1024, got {size!r}", field="size")
    width, height = int(pixels[1]), int(pixels[2])
    config = {"aspectRatio": min(RATIOS, key=lambda ratio: _distance(ratio, width / height))}
    edge = next((name for least, name in _LONG_EDGES if max(width, height) >= least), None)
    return {**config, "imageSize": edge} if edge else config


def _distance(ratio: str, wanted: float) -> float:
    width, height = map(int, ratio.split(":"))
    return abs(math.log(width / height / wanted))


class Pictures:
    """The list of pictures; what the model said beside one is its revised prompt.

    Why: where several were asked for and some calls drew nothing, the others are the answer: they have been paid for.
    """

    headers = JSON
    heartbeat = b"\n"
    transparent = False

    def __init__(self, x: Exchange, form: str) -> None:
        self._x = x
        self._form = form
        self._pictures: list[dict[str, str]] = []
        self._text: list[str] = []
        self._revised = self._heard = 0  # how many of both are of calls that have ended

    def encode(self, chunk: Chunk) -> bytes:
        for candidate in chunk.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                if part.get("thought"):
                    continue
                if "inlineData" in part:
                    self._pictures.append(self._picture(part["inlineData"]))
                elif part.get("text"):
                    self._text.append(part["text"])
            if candidate.get("finishReason"):
                self._revise()
        return b""

    def finish(self) -> bytes:
        if not self._pictures:
            raise self._nothing()
        self._revise()
        created = int(time.time())
        return orjson.dumps({"created": created, "data": self._pictures, "usage": _usage(self._x.usage)})

    def error_event(self, exc: ProxyError) -> bytes:
        return orjson.dumps(error_document(exc))

    def _revise(self) -> None:
        """Give the pictures of a call what was said beside them."""
        if text := "".join(self._text[self._heard :]):
            for picture in self._pictures[self._revised :]:
                picture["revised_prompt"] = text
        self._revised, self._heard = len(self._pictures), len(self._text)

    def _picture(self, inline: dict[str, str]) -> dict[str, str]:
        data = standard(inline.get("data", ""))
        if self._form == "b64_json":
            return {"b64_json": data}
        return {"url": f"data:{inline.get('mimeType', 'image/png')};base64,{data}"}

    def _nothing(self) -> ProxyError:
        """Say why there is no picture: forbidden, or the model failed to draw."""
        reason = self._x.finish.get(0, "")
        if finish(reason).chat == "content_filter" and not broken(reason, answered=False):
            return Refused(f"The picture was refused: {reason}.", error_type="provider_safety")
        said = "".join(self._text) or f"it ended with {reason or 'nothing'}"
        return Broken(f"The model drew nothing: {said}", error_type="provider_empty")


def _usage(counted: Chunk) -> dict[str, Any]:
    details = {each.get("modality"): each.get("tokenCount", 0) for each in counted.get("promptTokensDetails") or ()}
    prompt = counted.get("promptTokenCount", 0)
    output = counted.get("candidatesTokenCount", 0) + counted.get("thoughtsTokenCount", 0)
    image = details.get("IMAGE", 0)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"image_tokens": image, "text_tokens": prompt - image},
        "output_tokens": output,
        "total_tokens": counted.get("totalTokenCount") or prompt + output,
    }
