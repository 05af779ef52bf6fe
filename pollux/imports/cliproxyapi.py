"""CLIProxyAPI: config.yaml, and the directory of credential files that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings
    from pollux.spans import KeyPath

_MARKS = frozenset({"auth-dir", "gemini-api-key", "generative-language-api-key", "remote-management"})
_PLACES: dict[str, KeyPath] = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "proxy-url": ("upstream", "proxy"),
}
_STRATEGIES = {
    "round-robin": "rotation",
    "fill-first": "fill-first",
    "weighted-round-robin": "weighted",
}
_GOOGLE_KEYS = {"gemini-api-key": False, "interactions-api-key": False, "vertex-api-key": True}
_OTHERS = ("claude-api-key", "codex-api-key", "xai-api-key", "openai-compatibility", "ampcode")
_HASHED = ("$2a$", "$2b$", "$2y$")
_HOSTS = frozenset({"", "generativelanguage.googleapis.com", "aiplatform.googleapis.com"})


def recognises(content: Content) -> bool:
    """Whether it has its sections; `api-keys` with a hyphen are nobody else's."""
    table = content.table("yaml")
    return bool(_MARKS & table.keys()) or isinstance(table.get("api-keys"), list)


def read(content: Content, findings: Findings) -> None:
    """Take Google's keys, clients' keys, settings, and ask for the directory of credentials."""
    table, origin = content.table("yaml"), content.name
    for name, vertex in _GOOGLE_KEYS.items():
        for entry in _entries(table.get(name)):
            _take_key(entry, name, origin, findings, vertex=vertex)
    for key in table.get("generative-language-api-key") or []:
        findings.api_key(str(key), origin)
    findings.plain_client_keys(table.get("api-keys"), origin)
    for name in _OTHERS:
        if table.get(name):
            findings.left(name, origin, "Pollux speaks to Google only")
    _take_settings(table, origin, findings)
    _follow(table.get("auth-dir"), content.path, findings)


def _take_key(entry: dict[str, Any], name: str, origin: str, findings: Findings, *, vertex: bool) -> None:
    if not entry.get("api-key"):
        findings.left(name, origin, "an entry without api-key")
        return
    base = str(entry.get("base-url") or "")
    if urlsplit(base).hostname not in {None, *_HOSTS}:
        findings.left(name, origin, f"a key for {urlsplit(base).hostname}, which is not Google")
        return
    findings.api_key(str(entry["api-key"]), origin, vertex=vertex)
    for each in _entries(entry.get("models")):
        _take_alias(each, origin, findings)
    for option in ("prefix", "proxy-url", "headers", "excluded-models"):
        if entry.get(option):
            findings.left(f"{name}: {option}", origin, "here it cannot be said of a single key")


def _take_alias(model: dict[str, Any], origin: str, findings: Findings) -> None:
    name, alias = model.get("name"), model.get("alias")
    if name and alias and name != alias:
        findings.alias(str(alias), str(name), origin)


def _take_settings(table: dict[str, Any], origin: str, findings: Findings) -> None:
    for name, path in _PLACES.items():
        if table.get(name):
            findings.setting(path, table[name], name, origin)
    if table.get("host") == "":  # all interfaces there, this machine only here unless it is said
        findings.setting(("server", "host"), "0.0.0.0", "host", origin)
    if table.get("debug"):
        findings.setting(("logging", "level"), "debug", "debug", origin)
    if isinstance(table.get("request-retry"), int):
        why = "there it counts rounds over all credentials, here further attempts"
        attempts = ("stages", "credential", "attempts")
        findings.setting(attempts, 1 + table["request-retry"], "request-retry", origin, why=why)
    _take_routing(table.get("routing") or {}, origin, findings)
    secret = str((table.get("remote-management") or {}).get("secret-key") or "")
    if secret.startswith(_HASHED):
        findings.left("remote-management: secret-key", origin, "only its hash is there: choose a panel password")
    elif secret:
        findings.setting(("auth", "panel_password"), secret, "remote-management: secret-key", origin)
    for channel, models in (table.get("oauth-model-alias") or {}).items():
        for each in _entries(models) if channel in {"vertex", "aistudio", "gemini-cli"} else []:
            _take_alias(each, origin, findings)


def _take_routing(routing: dict[str, Any], origin: str, findings: Findings) -> None:
    path = ("scheduling", "strategy")
    if routing.get("session-affinity"):
        why = "there a session stays with a credential, here the beginning of a prompt does"
        findings.setting(path, "cache-affine", "routing: session-affinity", origin, why=why)
    elif routing.get("strategy"):
        strategy = str(routing["strategy"])
        findings.setting(path, _STRATEGIES.get(strategy, strategy), "routing: strategy", origin)


def _follow(folder: Any, config: Path | None, findings: Findings) -> None:
    if not folder:
        return
    beside = config.parent if config else Path()
    try:
        path = beside / Path(str(folder)).expanduser()
    except RuntimeError:  # no such user here
        path = beside / str(folder)
    places = [path, beside / path.name]  # a container's path leads nowhere here
    found = next((each for each in places if each.is_dir()), None)
    if found is None:
        findings.left("auth-dir", str(folder), "there is no such directory")
    else:
        findings.also(found)


def _entries(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
