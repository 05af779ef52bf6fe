"""Where Google is: the base URLs of every surface, which environment and settings may replace."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from pipeline.ports import Origin


class Endpoints(Struct, frozen=True):
    """Base URLs without a trailing slash. Source: interface.md §2."""

    code_assist: str = "https://cloudcode-pa.googleapis.com"
    gemini_api: str = "https://generativelanguage.googleapis.com"
    vertex: str = "https://aiplatform.googleapis.com"
    oauth: str = "https://oauth2.googleapis.com"
    accounts: str = "https://accounts.google.com"
    googleapis: str = "https://www.googleapis.com"
    resource_manager: str = "https://cloudresourcemanager.googleapis.com"
    service_usage: str = "https://serviceusage.googleapis.com"
    metadata: str = "http://metadata.google.internal"


GOOGLE = Endpoints()


def split_base(url: str) -> tuple[Origin, str]:
    """Return where a base URL leads and the path that goes before every target.

    Errors: ValueError when it is not an http(s) URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an http(s) base URL: {url!r}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Origin(parts.scheme, parts.hostname, port), parts.path.rstrip("/")
