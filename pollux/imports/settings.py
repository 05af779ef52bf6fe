"""Settings of other proxies as ours, and how they are written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline import registry
from pollux.environment import NO_EFFECT, VARIABLES, overrides
from pollux.imports.plan import RowItem
from pollux.pipelines import DEFAULT_STAGES
from pollux.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pollux.imports.findings import Findings
    from pollux.imports.plan import SettingItem
    from pollux.spans import KeyPath

OURS = {name for variable in VARIABLES for name in variable.names} | {"REDIS_DATABASE", "MONGODB_DATABASE"}
"""The environment variables that say the same here as they did there."""

_HEADER = "# Written by `pollux import`. What is not here has its default; `pollux check` verifies it."


def take_variables(values: Mapping[str, Any], origin: str, findings: Findings) -> None:
    """Take settings by the names of the environment variables they had; what has no meaning here stays behind."""
    texts = {name: _text(value) for name, value in values.items() if value not in (None, "", [])}
    read = overrides({name: text for name, text in texts.items() if name in OURS})
    for each in read.held:
        findings.setting(each.path, each.value, each.variable, origin)
    for problem in read.problems:
        if problem.level == "error":
            findings.left(problem.path, origin, problem.message)
    for name in texts.keys() - OURS:
        why = NO_EFFECT.get(name, "nothing here has this meaning")
        findings.left(name, origin, why)


def fitted(path: KeyPath, value: Any) -> Any:
    """Return a value as the setting at that place holds it. Errors: ValueError with what is wrong."""
    kind: Any = registry.find(str(path[1])) if path[0] == "stages" else Settings
    for key in path[2:] if path[0] == "stages" else path:
        kinds = {each.encode_name: each.type for each in msgspec.structs.fields(kind)}
        if key not in kinds:
            raise ValueError("nothing here has this meaning")
        kind = kinds[str(key)]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc


def is_secret(path: KeyPath) -> bool:
    """Whether a setting's value must not be shown."""
    section: Any = Settings()
    for key in path[:-1]:
        section = getattr(section, str(key), None)
    return path[-1] in getattr(section, "secrets", ())


def as_toml(items: Iterable[SettingItem], rows: Iterable[RowItem]) -> str:
    """Return a proxy.toml with these settings, their secrets included."""
    tables: dict[KeyPath, dict[str, Any]] = {}
    stages: dict[str, dict[str, Any]] = {}
    for item in items:
        if item.path[0] == "stages":
            stages.setdefault(str(item.path[1]), {})[str(item.path[2])] = item.value
        else:
            tables.setdefault(item.path[:-1], {})[str(item.path[-1])] = item.value
    blocks = [_table(f"[{'.'.join(map(str, path))}]", table) for path, table in sorted(tables.items())]
    if stages:  # a pipeline is written whole or not at all
        blocks += [_table("[[pipeline]]", {"stage": name} | stages.get(name, {})) for name in DEFAULT_STAGES]
    blocks += [_table(f"[[{row.table}]]", row.values) for row in rows]
    return "\n\n".join([_HEADER, *blocks]) + "\n"


def line(item: SettingItem | RowItem) -> str:
    """Return a setting as one line for people, its secret hidden."""
    if isinstance(item, RowItem):
        return f"[[{item.table}]] {', '.join(f'{key} = {_value(value)}' for key, value in item.values.items())}"
    place = ".".join(map(str, item.path))
    return f"{place} = {_value('***') if is_secret(item.path) else _value(item.value)}"


def _table(head: str, values: Mapping[str, Any]) -> str:
    return "\n".join([head, *(f"{key} = {_value(value)}" for key, value in values.items())])


def _value(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_value(str(key))} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's; `${` would be expanded when it is read.
        return json.dumps(value.replace("${", "$${"), ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
