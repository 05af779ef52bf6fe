"""LiteLLM's config.yaml: what of it is Google's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pollux.imports.content import open_file
from pollux.imports.plan import ImportFailed
from pollux.imports.settings import take_variables

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings
    from pollux.spans import KeyPath

_FROM_ENVIRONMENT = "os.environ/"
_ATTEMPTS: KeyPath = ("stages", "credential", "attempts")
_STRATEGIES = {
    "simple-shuffle": ("rotation", "there a deployment is drawn at random"),
    "least-busy": ("least-used", "there running calls are compared, here all calls"),
    "latency-based-routing": ("adaptive", "here success counts besides latency"),
    "usage-based-routing": ("least-used", "there tokens are compared, here calls"),
    "usage-based-routing-v2": ("least-used", "there tokens are compared, here calls"),
}


def recognises(content: Content) -> bool:
    """Whether it has a list of deployments."""
    models = content.table("yaml").get("model_list")
    return isinstance(models, list) and any(isinstance(each, dict) and "litellm_params" in each for each in models)


def read(content: Content, findings: Findings) -> None:
    """Take deployments of Google's models as credentials and aliases, and settings."""
    table, origin = content.table("yaml"), content.name
    for entry in table["model_list"]:
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        if isinstance(params, dict):
            _take_deployment(str(entry.get("model_name") or ""), params, content, findings)
    general = table.get("general_settings") or {}
    master = _resolved(general.get("master_key"), "master_key", origin, findings)
    if master:
        findings.setting(("auth", "api_password"), master, "master_key", origin)
        findings.setting(("auth", "panel_password"), master, "master_key", origin)
    if general.get("database_url"):
        findings.left("database_url", origin, "virtual keys in LiteLLM's database stay there; make new ones")
    _take_routing((table.get("litellm_settings") or {}) | (table.get("router_settings") or {}), origin, findings)
    take_variables(table.get("environment_variables") or {}, origin, findings)


def _take_deployment(name: str, params: dict[str, Any], content: Content, findings: Findings) -> None:
    provider, _, model = str(params.get("model") or "").partition("/")
    if provider == "gemini":
        _take_key(params, name, content.name, findings)
    elif provider in {"vertex_ai", "vertex_ai_beta"} and (not model or model.startswith("gemini")):
        _take_vertex(params, name, content, findings)
    else:
        findings.left(name or provider, content.name, f"{provider or 'no provider'}: Pollux speaks to Google only")
        return
    if name and model and name != model and "*" not in name:
        findings.alias(name, model, content.name)
    limits = {limit: params[limit] for limit in ("rpm", "tpm") if isinstance(params.get(limit), int)}
    if model and limits:
        findings.row("limit", {"model": model, **limits}, f"limits of {name}", content.name)


def _take_key(params: dict[str, Any], name: str, origin: str, findings: Findings) -> None:
    key = _resolved(params.get("api_key") or "os.environ/GEMINI_API_KEY", f"api_key of {name}", origin, findings)
    if params.get("api_base"):
        findings.left(f"api_base of {name}", origin, "here all keys share one: set [upstream.endpoints] by hand")
    if key:
        findings.api_key(key, origin)


def _take_vertex(params: dict[str, Any], name: str, content: Content, findings: Findings) -> None:
    written = params.get("vertex_credentials")
    document = _account(written, content, findings) if written else None
    if document is None:
        if not written:
            why = "it used the machine's own Google login; add a service account's file"
            findings.left(f"vertex_credentials of {name}", content.name, why)
        return
    place = {"location": params.get("vertex_location"), "project_id": params.get("vertex_project")}
    account = document | {key: value for key, value in place.items() if isinstance(value, str) and value}
    findings.document(account, f"{document.get('client_email') or name}.json", content.name)


def _account(written: Any, content: Content, findings: Findings) -> dict[str, Any] | None:
    """Return a service account that stands there as an object, as JSON text, or as the path of a file."""
    if isinstance(written, dict):
        return written
    text = _resolved(written, "vertex_credentials", content.name, findings)
    try:
        if text.lstrip().startswith("{"):
            return msgspec.json.decode(text, type=dict[str, Any])
        beside = content.path.parent if content.path else Path()
        return open_file(beside / Path(text).expanduser(), text).table() if text else None
    except (ImportFailed, msgspec.DecodeError, RuntimeError) as exc:
        findings.left("vertex_credentials", content.name, str(exc))
        return None


def _take_routing(settings: dict[str, Any], origin: str, findings: Findings) -> None:
    if isinstance(settings.get("num_retries"), int):
        findings.setting(_ATTEMPTS, 1 + settings["num_retries"], "num_retries", origin)
    timeout = settings.get("timeout") or settings.get("request_timeout")
    if timeout:
        why = "there it is for the whole answer, here for its beginning"
        findings.setting(("upstream", "timeouts", "first_byte"), timeout, "timeout", origin, why=why)
    strategy = settings.get("routing_strategy")
    if strategy in _STRATEGIES:
        ours, why = _STRATEGIES[strategy]
        findings.setting(("scheduling", "strategy"), ours, "routing_strategy", origin, why=why)
    elif strategy:
        findings.left("routing_strategy", origin, f"{strategy} has no counterpart here")
    for alias, model in (settings.get("model_group_alias") or {}).items():
        if isinstance(model, str):
            findings.alias(alias, model, origin)


def _resolved(value: Any, what: str, origin: str, findings: Findings) -> str:
    """Return a text, which may stand in this process's environment."""
    text = str(value or "")
    if not text.startswith(_FROM_ENVIRONMENT):
        return text
    variable = text.removeprefix(_FROM_ENVIRONMENT)
    if variable not in os.environ:
        findings.left(what, origin, f"it stands in the environment variable {variable}: set it for the import")
    return os.environ.get(variable, "")
