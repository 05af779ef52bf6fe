"""Pictures, sounds and documents that come inside a message: data URLs, addresses, bare base64.

Source: RFC 2397 (data URLs); OpenAI API reference, content parts.
"""

from __future__ import annotations

import mimetypes
import re
from base64 import b64encode
from typing import Any
from urllib.parse import unquote_to_bytes

from adapters.dialects.openai import request
from pipeline.errors import BadRequest

Part = dict[str, Any]

_SOUNDS = {"mp3": "audio/mpeg", "m4a": "audio/mp4", "opus": "audio/ogg", "pcm16": "audio/L16"}
_TYPES = {"image/jpg": "image/jpeg"}

# Addresses that Google reads itself: nobody on the way needs to fetch them.
_GOOGLES_OWN = re.compile(
    r"gs://|https://(?:generativelanguage\.googleapis\.com/|(?:www\.|m\.)?youtube\.com/|youtu\.be/)", re.IGNORECASE
)


def link(url: str, place: str, fetch: list[str]) -> Part:
    """Return the part that a URL names.

    Shape: an address becomes `fileData` and is added to `fetch` unless it is one that Google reads itself.
    Errors: BadRequest for another scheme than data, http, https and gs, and for a data URL without type or data.
    """
    if url[:5].lower() == "data:":
        return inline(url, place)
    if _GOOGLES_OWN.match(url):
        return {"fileData": {"fileUri": url}}
    if not re.match(r"https?://", url, re.IGNORECASE):
        raise BadRequest(f"{place}: expected a data: or http(s): URL, got {url[:40]!r}", field=place)
    fetch.append(url)
    return {"fileData": {"fileUri": url}}


def inline(url: str, place: str) -> Part:
    """Return what a data URL holds, parameters such as `charset` left aside."""
    head, comma, data = url[5:].partition(",")
    kind, *parameters = head.split(";")
    kind = kind.strip().lower()
    if not comma or not kind:
        raise BadRequest(f"{place}: a data URL needs a media type and data", field=place)
    if "base64" not in (each.strip().lower() for each in parameters):
        data = b64encode(unquote_to_bytes(data)).decode()
    return _inline(kind, data, place)


def sound(part: request.Sound, place: str) -> Part:
    """Return a sound of an `input_audio` part."""
    if part.data.startswith("data:"):
        return inline(part.data, f"{place}.data")
    kind = part.format.lower()
    return _inline(kind if "/" in kind else _SOUNDS.get(kind, f"audio/{kind}"), part.data, f"{place}.data")


def document(part: request.File, place: str) -> Part:
    """Return the document of a `file` part.

    Errors: BadRequest for the id of a file that was uploaded to somebody else.
    """
    if part.file_data is not None:
        if part.file_data.startswith("data:"):
            return inline(part.file_data, f"{place}.file_data")
        kind, _ = mimetypes.guess_type(part.filename or "")
        return _inline(kind or "application/pdf", part.file_data, f"{place}.file_data")
    if part.file_id and _GOOGLES_OWN.match(part.file_id):
        return {"fileData": {"fileUri": part.file_id}}
    raise BadRequest(f"{place}: send the document in file_data, or a Google file's URI as file_id", field=place)


def standard(data: str) -> str:
    """Return base64 in the alphabet that data URLs and OpenAI clients read, padded."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    return data + "=" * (-len(data) % 4)


def _inline(kind: str, data: str, place: str) -> Part:
    if not data:
        raise BadRequest(f"{place}: there is no data", field=place)
    if "\n" in data or " " in data or "\r" in data:
        data = "".join(data.split())
    return {"inlineData": {"mimeType": _TYPES.get(kind, kind), "data": data}}
