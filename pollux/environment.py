"""What the environment says: variables that override and lock settings, `${VAR}` in strings, credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from pollux.problem import ENVIRONMENT, Problem
from pollux.spans import KeyPath

Environ = Mapping[str, str]

_EXPANSION = re.compile(r"\$(?P<literal>\$?)\{(?P<name>[A-Za-z_]\w*)(?::\?(?P<message>[^}]*))?\}")
_GOOGLE_CREDENTIALS = re.compile(r"GOOGLE_CREDENTIALS(_\d+)?")
_ENV_CREDENTIAL = re.compile(rf"GCLI_CREDS_.+|{_GOOGLE_CREDENTIALS.pattern}")

MERGE = "GOOGLE_CREDENTIALS_MERGE"


class Override(Struct, frozen=True):
    """One setting that the environment holds.

    Shape: `path` is the setting's place in proxy.toml, or (`stages`, stage, option) for an option of every
        stage of that name; `value` is text, or what it was read as.
    """

    path: KeyPath
    value: Any
    variable: str


class Variable(Struct, frozen=True):
    """An environment variable and its aliases, the first that is set wins.

    Errors: `read` raises ValueError; returning None means "leave the setting alone".
    """

    names: tuple[str, ...]
    path: KeyPath
    read: Callable[[str], Any] = str


def flag(text: str) -> bool:
    """Read a yes or no. Errors: ValueError."""
    word = text.lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ValueError(f"expected true or false, got {text!r}")


def parts(text: str) -> list[str]:
    """Read a list, separated by commas or lines."""
    return [part for part in (each.strip() for each in re.split(r"[,\n]", text)) if part]


def attempts(text: str) -> int:
    """Read a number of retries as the number of attempts it makes. Errors: ValueError."""
    if not text.isdecimal():
        raise ValueError(f"expected a number of retries, got {text!r}")
    return 1 + int(text)


def seconds(text: str) -> float:
    """Read milliseconds. Errors: ValueError."""
    if not text.isdecimal():
        raise ValueError(f"expected a number of milliseconds, got {text!r}")
    return int(text) / 1000


def minutes(text: str) -> float:
    """Read minutes as seconds. Errors: ValueError."""
    if not text.replace(".", "", 1).isdecimal():
        raise ValueError(f"expected a number of minutes, got {text!r}")
    return 60 * float(text)


def once_if_off(text: str) -> int | None:
    """Read whether to retry at all: one attempt when not. Errors: ValueError."""
    return None if flag(text) else 1


VARIABLES = (
    Variable(("HOST",), ("server", "host")),
    Variable(("PORT",), ("server", "port")),
    Variable(("WORKERS",), ("server", "workers")),
    Variable(("API_PASSWORD", "GEMINI_AUTH_PASSWORD", "PASSWORD"), ("auth", "api_password")),
    Variable(("PANEL_PASSWORD", "ADMIN_AUTH_TOKEN", "PASSWORD"), ("auth", "panel_password")),
    Variable(("CREDENTIALS_DIR",), ("storage", "credentials_dir")),
    Variable(("DATA_DIR",), ("storage", "data_dir")),
    # Redis before Postgres before MongoDB, unless STORAGE_URL decides (interface.md section 2).
    Variable(
        (
            "STORAGE_URL",
            "DATABASE_URL",
            "REDIS_URI",
            "REDIS_URL",
            "POSTGRES_DSN",
            "POSTGRESQL_URI",
            "MONGODB_URI",
        ),
        ("storage", "url"),
    ),
    Variable(("AUTO_LOAD_ENV_CREDS",), ("storage", "load_env_credentials"), flag),
    Variable(("CALLS_PER_ROTATION",), ("scheduling", "calls_per_rotation")),
    Variable(("AUTO_BAN",), ("scheduling", "auto_ban"), flag),
    Variable(("AUTO_BAN_ERROR_CODES",), ("scheduling", "auto_ban_codes"), parts),
    Variable(("RETRY_429_MAX_RETRIES",), ("stages", "credential", "attempts"), attempts),
    Variable(("RETRY_429_ENABLED",), ("stages", "credential", "attempts"), once_if_off),
    Variable(("RETRY_429_INTERVAL",), ("stages", "credential", "pause")),
    Variable(("QUEUE_MAX_CONCURRENCY",), ("stages", "queue", "max_concurrency")),
    Variable(("QUEUE_MAX_WAIT_MS",), ("stages", "queue", "max_wait"), seconds),
    Variable(("PROXY",), ("upstream", "proxy")),
    Variable(("CODE_ASSIST_ENDPOINT",), ("upstream", "endpoints", "code_assist")),
    Variable(("GEMINI_API_ENDPOINT", "GOOGLE_GEMINI_BASE_URL"), ("upstream", "endpoints", "gemini_api")),
    Variable(("VERTEX_ENDPOINT",), ("upstream", "endpoints", "vertex")),
    Variable(("OAUTH_PROXY_URL",), ("upstream", "endpoints", "oauth")),
    Variable(("GOOGLEAPIS_PROXY_URL",), ("upstream", "endpoints", "googleapis")),
    Variable(("RESOURCE_MANAGER_API_URL",), ("upstream", "endpoints", "resource_manager")),
    Variable(("SERVICE_USAGE_API_URL",), ("upstream", "endpoints", "service_usage")),
    Variable(("METADATA_SERVICE_URL",), ("upstream", "endpoints", "metadata")),
    Variable(("LOG_LEVEL",), ("logging", "level"), str.lower),
    Variable(("LOG_FILE",), ("logging", "file")),
    Variable(("LOG_FORMAT",), ("logging", "format"), str.lower),
    Variable(("METRICS_BIND",), ("metrics", "bind")),
    Variable(("KEEPALIVE_URL",), ("jobs", "keep_alive_url")),
    Variable(("KEEPALIVE_INTERVAL",), ("jobs", "keep_alive_interval")),
    Variable(("KEEP_ALIVE_INTERVAL",), ("jobs", "keep_alive_interval"), minutes),
    Variable(("COMPATIBILITY_MODE",), ("stages", "compatibility", "system_to_user"), flag),
    Variable(("RETURN_THOUGHTS_TO_FRONTEND",), ("stages", "thoughts", "show"), flag),
    Variable(("ANTI_TRUNCATION_MAX_ATTEMPTS",), ("stages", "anti-truncation", "attempts")),
)

NO_EFFECT = {
    "METADATA_SERVICE_URL": "no credential comes from the metadata service",
}
"""Variables of the systems replaced that say something which does not happen here."""


class Overrides(Struct):
    """All that the environment overrides, and what is to be said about it."""

    held: list[Override]
    problems: list[Problem]


def overrides(environ: Environ) -> Overrides:
    """Read the variables that override settings; an empty variable is as good as none."""
    result = Overrides([], [])
    for variable in VARIABLES:
        name = next((name for name in variable.names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        try:
            value = variable.read(environ[name].strip())
        except ValueError as exc:
            result.problems.append(Problem(str(exc), name, ENVIRONMENT))
            continue
        if value is not None:
            result.held.append(Override(variable.path, value, name))
    _name_database(result, environ)
    result.problems += [*_shadowed_password(environ), *_shadowed_credentials(environ), *_without_effect(environ)]
    return result


def expanded(text: str, environ: Environ) -> tuple[str, list[tuple[str, str]]]:
    """Replace `${VAR}` and `${VAR:?message}`; `$${VAR}` stays as `${VAR}`.

    Shape: the text, and what is missing as (variable, message), the message empty where none was asked for.
    """
    missing: list[tuple[str, str]] = []

    def value(match: re.Match[str]) -> str:
        if match["literal"]:
            return match[0][1:]
        name = match["name"]
        if not environ.get(name):
            asked = match["message"] is not None
            missing.append((name, (match["message"] or f"{name} must be set") if asked else ""))
        return environ.get(name, "")

    return _EXPANSION.sub(value, text), missing


def credentials(environ: Environ, load_all: bool) -> list[tuple[str, str]]:
    """Return the credentials that stand in the environment, as (variable, document).

    Shape: API keys and `GOOGLE_CREDENTIALS*` always, `GCLI_CREDS_*` only with `load_all`; a document has any
        of the forms that a credential file may have, base64 included.
    """
    names = [name for name in ("GEMINI_API_KEYS", "GEMINI_API_KEY") if environ.get(name)]
    names += sorted(
        name
        for name in environ
        if _ENV_CREDENTIAL.fullmatch(name) and environ[name] and (load_all or not name.startswith("GCLI_"))
    )
    return [(name, environ[name]) for name in names]


def stand_alone(environ: Environ) -> bool:
    """Whether the credentials in GOOGLE_CREDENTIALS are the only ones, so that none that is kept is served.

    Source: so gcli2api does it; GOOGLE_CREDENTIALS_MERGE=true lets both serve. Errors: ValueError.
    """
    given = any(environ[name] for name in environ if _GOOGLE_CREDENTIALS.fullmatch(name))
    return given and not flag(environ.get(MERGE, "").strip() or "false")


def _name_database(result: Overrides, environ: Environ) -> None:
    """REDIS_DATABASE and MONGODB_DATABASE speak only about the store that was chosen."""
    chosen = next((each for each in result.held if each.path == ("storage", "url")), None)
    if chosen is None:
        return
    scheme = urlsplit(str(chosen.value)).scheme
    for name in ("REDIS_DATABASE", "MONGODB_DATABASE"):
        if environ.get(name) and scheme.startswith(name.partition("_")[0].lower()):
            result.held.append(Override(("storage", "database"), environ[name], name))


def _shadowed_password(environ: Environ) -> list[Problem]:
    specific = [name for name in ("API_PASSWORD", "PANEL_PASSWORD") if environ.get(name)]
    if not environ.get("PASSWORD") or not specific:
        return []
    message = f"{' and '.join(specific)} win{'' if len(specific) > 1 else 's'} over PASSWORD"
    return [Problem(message, "PASSWORD", ENVIRONMENT, level="warning")]


def _shadowed_credentials(environ: Environ) -> list[Problem]:
    try:
        alone = stand_alone(environ)
    except ValueError as exc:
        return [Problem(str(exc), MERGE, ENVIRONMENT)]
    message = f"credentials kept elsewhere are not served beside it; {MERGE}=true serves both"
    return [Problem(message, "GOOGLE_CREDENTIALS", ENVIRONMENT, level="warning")] if alone else []


def _without_effect(environ: Environ) -> list[Problem]:
    return [
        Problem(f"has no effect: {why}", name, ENVIRONMENT, level="warning")
        for name, why in NO_EFFECT.items()
        if environ.get(name)
    ]
