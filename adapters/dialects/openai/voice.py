"""A spoken answer: Gemini's bare samples as OpenAI's callers expect sound."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from struct import pack
from typing import Any

from adapters.dialects.openai.media import standard

_RATE = 24_000
_SAMPLE_BYTES = 2


class Voice:
    """The sound of one answer, as it comes.

    Shape: base64. A stream carries the samples as they are (OpenAI streams nothing but pcm16); a whole answer is a WAV
        file unless pcm16 was asked for.
    """

    def __init__(self, name: str, expires_at: int, form: str) -> None:
        self._id = name
        self._expires_at = expires_at
        self._form = form
        self._samples: list[bytes] = []
        self._kind = ""

    def delta(self, inline: dict[str, Any]) -> dict[str, Any]:
        """Take one piece in and return it for a stream; the id goes out once, for clients append what repeats."""
        data = standard(inline.get("data") or "")
        first = {} if self._samples else {"id": self._id, "expires_at": self._expires_at}
        self._kind = self._kind or inline.get("mimeType") or ""
        self._samples.append(b64decode(data))
        return {**first, "data": data}

    def whole(self) -> dict[str, Any]:
        """Return all that came as one document."""
        sound = b"".join(self._samples)
        if self._form == "wav" and self._kind.lower().startswith("audio/l16"):
            found = re.search(r"rate=(\d+)", self._kind)
            sound = _wav_header(len(sound), int(found[1]) if found else _RATE) + sound
        data = b64encode(sound).decode()
        return {"id": self._id, "expires_at": self._expires_at, "data": data, "transcript": ""}


def _wav_header(length: int, rate: int) -> bytes:
    """The head of a WAV file of 16-bit samples in one channel."""
    return (
        pack("<4sI8s", b"RIFF", 36 + length, b"WAVEfmt ")
        + pack("<IHHIIHH", 16, 1, 1, rate, rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
        + pack("<4sI", b"data", length)
    )
