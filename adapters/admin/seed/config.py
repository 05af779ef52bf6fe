"""`/config/get` and `/config/save`: settings by the names that the systems replaced gave them."""

import math
from typing import Any

from msgspec import Struct

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Refusal
from adapters.admin.shapes import Setting

_NAMES = {
    "host": "server.host",
    "port": "server.port",
    "api_password": "auth.api_password",
    "panel_password": "auth.panel_password",
    "credentials_dir": "storage.credentials_dir",
    "auto_load_env_creds": "storage.load_env_credentials",
    "calls_per_rotation": "scheduling.calls_per_rotation",
    "auto_ban_enabled": "scheduling.auto_ban",
    "auto_ban_error_codes": "scheduling.auto_ban_codes",
    "proxy": "upstream.proxy",
    "code_assist_endpoint": "upstream.endpoints.code_assist",
    "oauth_proxy_url": "upstream.endpoints.oauth",
    "googleapis_proxy_url": "upstream.endpoints.googleapis",
    "resource_manager_api_url": "upstream.endpoints.resource_manager",
    "service_usage_api_url": "upstream.endpoints.service_usage",
    "metadata_service_url": "upstream.endpoints.metadata",
    "log_level": "logging.level",
    "log_file": "logging.file",
    "anti_truncation_max_attempts": "anti-truncation/attempts",
    "compatibility_mode_enabled": "compatibility/system_to_user",
    "return_thoughts_to_frontend": "thoughts/show",
    "retry_429_max_retries": "credential/attempts",
    "retry_429_interval": "credential/pause",
}
"""Their name and ours: a setting's path, or stage/option."""

_RANGES: dict[str, tuple[float, float]] = {
    "retry_429_interval": (0.01, 10.0),
    "anti_truncation_max_attempts": (1, 10),
    "port": (1, 65535),
}
_RETRIES, _RETRYING = "retry_429_max_retries", "retry_429_enabled"


class Save(Struct):
    """Settings to change."""

    config: dict[str, Any]


async def seed_get(ask: Ask) -> dict[str, Any]:
    """Return the settings, without passwords, and which of them the environment locks."""
    known = await _known(ask)
    config: dict[str, Any] = {name: "" if each.secret else each.value for name, each in known.items()}
    attempts = config.get(_RETRIES) or 1
    config |= {_RETRIES: attempts - 1, _RETRYING: attempts > 1}
    return {"config": config, "env_locked": [name for name, each in known.items() if each.locked_by]}


async def seed_save(ask: Ask) -> dict[str, Any]:
    """Save settings; those that the environment locks are left out."""
    known = await _known(ask)
    wanted = _wanted(ask.body.config, known)
    changes = {known[name].path: value for name, value in wanted.items()}
    saved = await ask.office.config.save(changes)
    if not saved.ok:
        raise Refusal(400, "invalid", "; ".join(f"{each.path}: {each.message}" for each in saved.problems))
    ours = {each.path: name for name, each in known.items()}
    return {
        "message": "saved",
        "saved_config": {name: "***" if known[name].secret else value for name, value in wanted.items()},
        "hot_updated": [ours[path] for path in saved.applied if path in ours],
        "restart_required": [ours[path] for path in saved.restart_needed if path in ours],
    }


async def _known(ask: Ask) -> dict[str, Setting]:
    found = {}
    for each in (await ask.office.config.show()).settings:
        found[each.path] = each
        if each.path.startswith("pipeline["):
            found.setdefault(f"{each.group}/{each.path.partition('].')[2]}", each)
    return {name: found[ours] for name, ours in _NAMES.items() if ours in found}


def _wanted(config: dict[str, Any], known: dict[str, Setting]) -> dict[str, Any]:
    """Return what is to be saved, in our terms. Errors: Refusal (400) that names what is wrong."""
    wanted = {}
    for name, value in config.items():
        setting = known.get(name)
        if setting is None or setting.locked_by or value == setting.value or (setting.secret and not value):
            continue
        least, most = _RANGES.get(name, (-math.inf, math.inf))
        if name in _RANGES and not (isinstance(value, int | float) and least <= value <= most):
            raise Refusal(400, "invalid", f"{name}: expected a number from {least} to {most}")
        wanted[name] = value
    if _RETRIES in known and not known[_RETRIES].locked_by:
        _set_retries(config, known[_RETRIES].value, wanted)
    if config.get("password"):
        both = ("api_password", "panel_password")
        wanted |= {name: config["password"] for name in both if not known[name].locked_by and name not in wanted}
    return wanted


def _set_retries(config: dict[str, Any], attempts: int, wanted: dict[str, Any]) -> None:
    """Two settings of theirs are one of ours."""
    wanted.pop(_RETRIES, None)
    retries = config.get(_RETRIES, attempts - 1)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise Refusal(400, "invalid", f"{_RETRIES}: expected a number of retries")
    wished = 1 + retries if config.get(_RETRYING, True) else 1
    if wished != attempts:
        wanted[_RETRIES] = wished


OPERATIONS = (
    Operation(method="GET", path="/config/get", run=seed_get),
    Operation(method="POST", path="/config/save", run=seed_save, body=Save),
)
