"""Base URLs, taken apart."""

from __future__ import annotations

import pytest

from adapters.endpoints import GOOGLE, split_base
from pipeline.ports import Origin


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        (GOOGLE.gemini_api, Origin("https", "generativelanguage.googleapis.com", 443), ""),
        ("http://127.0.0.1:8080/", Origin("http", "127.0.0.1", 8080), ""),
        ("http://[::1]/google/v", Origin("http", "::1", 80), "/google/v"),
    ],
)
def test_base_url_is_an_origin_and_a_path(url, origin, path):
    assert split_base(url) == (origin, path)


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "https://"])
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValueError, match="not an http"):
        split_base(url)
