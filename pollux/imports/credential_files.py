"""Loose credential files: gcli2api's, gemini-cli's, gcloud's, CLIProxyAPI's, and lists of API keys."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

from pipeline.units import AUTO

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings

_MARKS = frozenset({"refresh_token", "api_key", "apiKey", "private_key", "service_account"})
_GOOGLE = frozenset({"", "gemini", "gemini-cli", "vertex", "authorized_user", "service_account", "oauth"})
"""The types of credentials that are Google's; CLIProxyAPI keeps those of other companies in the same directory."""
_ALL_PROJECTS = "ALL"
_EVERYBODYS = "oauth_creds"


def recognises(content: Content) -> bool:
    """Whether it looks like credentials; bare text only where it was asked for itself: a version is no key."""
    if content.form == "json":
        entries = content.value if isinstance(content.value, list) else [content.value]
        return content.named or any(isinstance(each, dict) and bool(_MARKS & _keys(each)) for each in entries)
    return content.form == "text" and content.named


def read(content: Content, findings: Findings) -> None:
    """Take each entry."""
    if content.form == "text":
        findings.documents(content.value, content.name, content.name)
        return
    entries = content.value if isinstance(content.value, list) else [content.value]
    for number, entry in enumerate(entries, 1):
        name = own_name(PurePosixPath(content.name), number if len(entries) > 1 else 0)
        take(entry, "" if isinstance(entry, str) else name, content.name, findings)


def own_name(path: PurePath, number: int = 0) -> str:
    """Return a name for a credential by its file; gemini-cli names every account's alike, in a directory of its own."""
    folder = path.parent.name.lstrip(".")
    stem = f"{folder}-{path.stem}" if folder and path.stem == _EVERYBODYS else path.stem
    return f"{stem}-{number}.json" if number else f"{stem}.json"


def take(entry: Any, name: str, origin: str, findings: Findings) -> None:
    """Take one credential, if it is one of Google's."""
    if not isinstance(entry, dict):
        findings.document(entry, name, origin)
        return
    said = str(entry.get("type") or "")
    account = entry.get("service_account")
    if isinstance(account, dict):
        place = {"location": entry["location"]} if entry.get("location") else {}
        findings.document(account | place, name, origin)
    elif said not in _GOOGLE:
        findings.left(name, origin, f"a credential for {said}, which Pollux does not speak to")
    elif entry.get("project_id") == _ALL_PROJECTS:
        why = "all projects of the account were used; here it is the one that Google names"
        findings.document(entry | {"project_id": AUTO}, name, origin, fidelity="approximate", why=why)
    else:
        findings.document(entry, name, origin)


def _keys(entry: dict[str, Any]) -> set[str]:
    nested = entry.get("token")
    return entry.keys() | (nested.keys() if isinstance(nested, dict) else set())
