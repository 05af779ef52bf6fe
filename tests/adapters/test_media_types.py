"""Bytes are what they begin like, whatever is said about them."""

from __future__ import annotations

import pytest

from adapters.media_types import accepted, media_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60


@pytest.mark.parametrize(
    ("data", "claimed", "kind"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "text/html", "image/png"),
        (PNG, "", "image/png"),
        (b"\xff\xd8\xff\xe0", "application/octet-stream", "image/jpeg"),
        (b"GIF89a", "", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"),
        (b"\x00\x00\x00\x20ftypheic", "", "image/heic"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4", "video/mp4"),
        (b"\x00\x00\x00\x20ftypisom", "audio/mp4; codecs=x", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom", "audio/mpeg", "video/mp4"),
        (b"%PDF-1.7", "text/plain", "application/pdf"),
        (b"RIFF\x00\x00\x00\x00WAVE", "", "audio/wav"),
        (b"ID3\x04", "", "audio/mpeg"),
        (b"OggS", "video/ogg", "video/ogg"),
        (b"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv"),
        ("größer".encode(), "TEXT/Plain", "text/plain"),
        (b"", "text/plain", "text/plain"),
        # What is claimed and not borne out is nothing.
        (b"<html>please log in</html>", "image/png", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", ""),
        (b"PK\x03\x04", "application/pdf", ""),
        (b"text with \x00", "text/plain", ""),
        (b"\xff\xfet\x00", "text/plain", ""),
        (b'{"a": 1}', "application/json", ""),
    ],
)
def test_type_is_by_the_bytes(data: bytes, claimed: str, kind: str) -> None:
    assert media_type(data, claimed) == kind


def test_globs_name_types() -> None:
    assert accepted("image/png", ["image/*"])
    assert not accepted("application/zip", ["image/*", "application/pdf"])
