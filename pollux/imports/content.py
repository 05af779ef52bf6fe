"""What a file holds, by its content and never by its name."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pollux.imports import json5
from pollux.imports.database import HEADER, Database
from pollux.imports.plan import ImportFailed

Form = Literal["json", "toml", "yaml", "env", "sqlite", "text", "binary"]

MAX_BYTES = 64 * 1024 * 1024
_ENV_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_YAML_KEY = re.compile(r"^[A-Za-z_][\w-]*:(\s|$)", re.MULTILINE)


class Content(Struct):
    """One file, or one member of an archive, understood as far as its form goes.

    Shape: `value` is a dict or list (json, toml, yaml), names and texts (env), a Database, or bytes; `path` is where
        it is on disk; `named` says that it was asked for itself, and not only found in a directory.
    """

    name: str
    form: Form
    value: Any
    path: Path | None = None
    named: bool = False

    def table(self, form: Form = "json") -> dict[str, Any]:
        """Return the value where it is a table of that form, else an empty one."""
        return self.value if self.form == form and isinstance(self.value, dict) else {}

    @property
    def database(self) -> Database | None:
        """The tables, where it is a database."""
        return self.value if isinstance(self.value, Database) else None


def understand(name: str, data: bytes, path: Path | None = None, *, named: bool = False) -> Content:
    """Return what these bytes hold."""
    form, value = _read(data)
    return Content(name, form, value, path, named)


def open_file(path: Path, name: str, *, named: bool = False) -> Content:
    """Return what a file holds. Errors: ImportFailed when it cannot be read."""
    try:
        with path.open("rb") as file:
            if file.read(len(HEADER)) == HEADER:
                return Content(name, "sqlite", Database(path), path, named)
        if path.stat().st_size > MAX_BYTES:
            raise ImportFailed(f"{name} is larger than {MAX_BYTES} bytes")
        return understand(name, path.read_bytes(), path, named=named)
    except OSError as exc:
        raise ImportFailed(f"{name}: {exc.strerror}") from exc


def _read(data: bytes) -> tuple[Form, Any]:
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return "binary", data
    for form, reader in (("json", _json), ("env", _env), ("toml", _toml), ("yaml", _yaml)):
        value = reader(text)
        if value:
            return form, value  # type: ignore[return-value]  # the names above are forms
    return "text", data


def _json(text: str) -> Any:
    """Read JSON, lines of it, or JSON5."""
    if not text.startswith(("{", "[", "//", "/*")):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json5.read(text)
    except (ValueError, RecursionError):
        return None


def _env(text: str) -> dict[str, str]:
    """Read lines of NAME=VALUE, as in a .env file; a quoted value may go over several lines."""
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ENV_LINE.fullmatch(line)
        if match is None:
            return {}
        value = match["value"]
        quote = value[:1] if value[:1] in {"'", '"'} else ""
        while quote and (len(value) < 2 or not value.endswith(quote)):
            more = next(lines, None)
            if more is None:
                return {}
            value += "\n" + more.rstrip()
        values[match["name"]] = value[1:-1] if quote else re.sub(r"\s+#.*$", "", value)
    return values


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _yaml(text: str) -> Any:
    if not _YAML_KEY.search(text):
        return None
    import yaml  # loaded where it is needed: few imports come from YAML

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
