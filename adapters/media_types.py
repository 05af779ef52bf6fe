"""What bytes are, by their beginning: what somebody says about them is not to be trusted alone.

Source: WHATWG MIME Sniffing; ISO/IEC 14496-12 (the brands of `ftyp`).
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

ENOUGH = 64
"""With so many bytes the type of everything but a text is known."""

_BEGINNINGS = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM....\x00\x00\x00\x00", "image/bmp"),
    (rb"II\*\x00|MM\x00\*", "image/tiff"),
    (rb"....ftyp(?:avif|avis)", "image/avif"),
    (rb"....ftyp(?:heic|heix|hevc|hevx)", "image/heic"),
    (rb"....ftyp(?:mif1|msf1)", "image/heif"),
    (rb"....ftyp(?:M4A |M4B )", "audio/mp4"),
    (rb"....ftypqt  ", "video/quicktime"),
    (rb"....ftyp3g", "video/3gpp"),
    (rb"....ftyp", "video/mp4"),
    (rb"%PDF-", "application/pdf"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"RIFF....AVI ", "video/x-msvideo"),
    (rb"FORM....AIF[FC]", "audio/aiff"),
    (rb"OggS", "audio/ogg"),
    (rb"fLaC", "audio/flac"),
    (rb"ID3", "audio/mpeg"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "audio/aac"),
    (rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "audio/mpeg"),
    (rb"\x1aE\xdf\xa3", "video/webm"),
    (rb"\x00\x00\x01[\xb3\xba]", "video/mpeg"),
    (rb"FLV\x01", "video/x-flv"),
)
_SNIFFED = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in _BEGINNINGS]
# The same container holds sound or pictures: there the sender knows better than the first bytes.
_CONTAINERS = {"audio/ogg": "video/ogg", "video/webm": "audio/webm", "video/mp4": "audio/mp4"}


def sniffed(data: bytes | bytearray) -> str:
    """Return the type that bytes begin like; empty when they begin like none that is known here."""
    return next((kind for pattern, kind in _SNIFFED if pattern.match(data)), "")


def media_type(data: bytes, claimed: str) -> str:
    """Return the type of a whole document; empty when its bytes do not bear out what is claimed.

    Shape: `claimed` is a Content-Type. A text is what says so and reads as UTF-8.
    """
    claim = claimed.partition(";")[0].strip().lower()
    kind = sniffed(data)
    if kind:
        return claim if _CONTAINERS.get(kind) == claim else kind
    return claim if claim.startswith("text/") and _is_text(data) else ""


def accepted(kind: str, globs: list[str]) -> bool:
    """Whether one of the globs, such as `image/*`, means that type."""
    return any(fnmatchcase(kind, glob) for glob in globs)


def _is_text(data: bytes) -> bool:
    try:
        return "\x00" not in data.decode()
    except UnicodeDecodeError:
        return False
