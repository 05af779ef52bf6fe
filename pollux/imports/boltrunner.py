"""boltrunner's gcli2api: config.json, the credential files it names, and the projects in its state.db."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.units import AUTO
from pollux.imports.content import open_file
from pollux.imports.credential_files import own_name
from pollux.imports.plan import ImportFailed

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings
    from pollux.spans import KeyPath

_FILES = "geminioauthcredsfiles"
_PLACES: dict[str, KeyPath] = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "requestmaxbodybytes": ("server", "max_body_bytes"),
    "authkey": ("auth", "api_password"),
    "useragent": ("upstream", "user_agent"),
    "proxy": ("upstream", "proxy"),
}
_LEFT = {
    "requestbasedelay": "it delays only the discovery of projects there; here `pause` rests between attempts",
    "maxconcurrentrequests": "all models together were limited there; here each model has its own queue",
}


def recognises(content: Content) -> bool:
    """Whether it is the configuration or the state."""
    database = content.database
    if database is not None:
        return database.has("token_project", "token_key", "project_id")
    return _FILES in _lowered(content.table())


def read(content: Content, findings: Findings) -> None:
    """Take settings, credentials with their projects, and projects found earlier."""
    if content.database is not None:
        for row in content.database.rows("token_project"):
            findings.discovered(str(row["token_key"]), str(row["project_id"]))
        return
    config = _lowered(content.table())  # its keys are read whatever their case
    folder = content.path.parent if content.path else Path()
    projects = {_expanded(path): ids for path, ids in (config.get("projectids") or {}).items()}
    for path in config[_FILES] or []:
        _take_file(str(path), projects.get(_expanded(str(path))), folder, findings)
    for key, value in config.items():
        _take_setting(key, value, content.name, findings)
    state = _found(str(config.get("sqlitepath") or "./data/state.db"), folder)
    if state is not None:
        findings.also(state)


def _take_setting(key: str, value: Any, origin: str, findings: Findings) -> None:
    if key in _PLACES and value not in ("", None):
        findings.setting(_PLACES[key], value, key, origin)
    elif key == "requestmaxretries":
        findings.setting(("stages", "credential", "attempts"), 1 + int(value), key, origin)
    elif key in _LEFT:
        findings.left(key, origin, _LEFT[key])
    elif key not in {_FILES, "projectids", "sqlitepath"}:
        findings.left(key, origin, "nothing here has this meaning")


def _take_file(path: str, projects: list[str] | None, folder: Path, findings: Findings) -> None:
    found = _found(path, folder)
    if found is None:
        findings.left(path, path, "there is no such file, and none of that name beside the configuration")
        return
    try:
        document = open_file(found, found.name).table()
    except ImportFailed as exc:
        findings.left(path, path, str(exc))
        return
    findings.document(document | {"projects": projects or [AUTO]}, own_name(found), str(found))


def _found(path: str, folder: Path) -> Path | None:
    """Return where a file lies; a container's path leads nowhere here, but the file may lie beside."""
    written = _expanded(path)
    places = (folder / written, folder / written.name)
    return next((place for place in places if place.is_file()), None)


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user here
        return Path(path)


def _lowered(table: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in table.items()}
