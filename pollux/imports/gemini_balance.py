"""gemini-balance: its .env file and its settings table, in SQLite or in a dump of MySQL's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports.findings import Known
from pollux.imports.settings import take_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pollux.imports.content import Content
    from pollux.imports.findings import Findings

_TABLE = "t_settings"
_MARKS = frozenset({"API_KEYS", "ALLOWED_TOKENS"})
_INSERT = re.compile(r"INSERT INTO [`\"]?t_settings[`\"]?[^;(]*?(?:\([^)]*\)\s*)?VALUES\s*", re.IGNORECASE)
_ROW = re.compile(r"\(\s*\d+\s*,\s*'(?P<key>[A-Z0-9_]+)'\s*,\s*(?:'(?P<value>(?:[^'\\]|\\.|'')*)'|NULL)")
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_NEWLINES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}

# What is about its own database, panel, logs or picture hosting.
_OF_ITS_OWN = re.compile(
    r"(DATABASE_TYPE|SQLITE_DATABASE|(MYSQL|PGSQL)_.+|REDIS_URL|AUTO_DELETE_.+|GITHUB_.+|SMMS_.+|PICGO_.+"
    r"|CLOUDFLARE_.+|UPLOAD_PROVIDER|STREAM_(OPTIMIZER|MIN|MAX|SHORT|LONG|CHUNK)_?.*|TTS_.+|CHECK_INTERVAL_HOURS)"
)
_DEFAULT_HOSTS = ("https://generativelanguage.googleapis.com", "https://aiplatform.googleapis.com")


def recognises(content: Content) -> bool:
    """Whether it has its keys or its table."""
    database = content.database
    if database is not None:
        return database.has(_TABLE, "key", "value")
    if content.form == "text":
        return _INSERT.search(content.value.decode(errors="replace")) is not None
    return len(_MARKS & content.table("env").keys()) == len(_MARKS)


def read(content: Content, findings: Findings) -> None:
    """Take Google's keys, clients' keys and settings."""
    database = content.database
    if database is None:
        values = dict(_dumped(content.value)) if content.form == "text" else content.table("env")
        _take(values, content.name, findings)
        return
    _take({str(row["key"]): row["value"] for row in database.rows(_TABLE)}, content.name, findings)
    for row in database.rows("t_api_keys"):
        off = "" if row.get("status", "active") == "active" else f"{row['status']} in gemini-balance"
        if row.get("service", "gemini") == "gemini":
            findings.api_key(row["key_value"], content.name, Known(disabled=off))


def _take(values: Mapping[str, Any], origin: str, findings: Findings) -> None:
    left = {key: value for key, value in values.items() if value and not _OF_ITS_OWN.fullmatch(key)}
    for name, vertex in (("API_KEYS", False), ("PAID_KEY", False), ("VERTEX_API_KEYS", True)):
        for key in _texts(left.pop(name, "")):
            findings.api_key(key, origin, vertex=vertex)
    findings.plain_client_keys(_texts(left.pop("ALLOWED_TOKENS", "")), origin)
    _take_settings(left, origin, findings)


def _take_settings(values: dict[str, Any], origin: str, findings: Findings) -> None:
    token = values.pop("AUTH_TOKEN", "")
    if token:
        findings.setting(("auth", "api_password"), token, "AUTH_TOKEN", origin)
        findings.setting(("auth", "panel_password"), token, "AUTH_TOKEN", origin)
    proxies = _texts(values.pop("PROXIES", ""))
    if proxies:
        lost = f"one way out serves all; {len(proxies) - 1} more are left" if len(proxies) > 1 else ""
        findings.setting(("upstream", "proxy"), proxies[0], "PROXIES", origin, why=lost)
    if values.get("MAX_RETRIES"):
        findings.setting(("stages", "credential", "attempts"), values.pop("MAX_RETRIES"), "MAX_RETRIES", origin)
    if values.get("TIME_OUT"):
        findings.setting(("upstream", "timeouts", "first_byte"), values.pop("TIME_OUT"), "TIME_OUT", origin)
    for name in ("BASE_URL", "GEMINI_BASE_URL", "VERTEX_EXPRESS_BASE_URL"):
        for url in _texts(values.pop(name, "")):
            if not url.startswith(_DEFAULT_HOSTS):
                findings.left(name, origin, f"{url}: a base URL here has no version; set [upstream.endpoints] by hand")
    take_variables(values, origin, findings)


def _dumped(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield keys and values from INSERT statements, as mysqldump writes them."""
    text = data.decode(errors="replace")
    for insert in _INSERT.finditer(text):
        end = text.find("\n", insert.end())
        for row in _ROW.finditer(text, insert.end(), end if end > 0 else len(text)):
            yield row["key"], _ESCAPE.sub(_unescaped, row["value"] or "")


def _unescaped(match: re.Match[str]) -> str:
    escaped: str | None = match[1]
    return "'" if escaped is None else _NEWLINES.get(escaped, escaped)


def _texts(value: Any) -> list[str]:
    """Read a list, written as JSON or with commas."""
    text = str(value).strip()
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.DecodeError:
            text = text.strip("[]")
    return [part for part in (each.strip().strip("'\"") for each in text.split(",")) if part]
