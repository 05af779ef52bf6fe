"""All settings of a configuration in one list, for people who change them one by one."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT

from adapters.admin import shapes
from pollux.pipelines import DEFAULT
from pollux.problem import dotted
from pollux.reload import needs_restart
from pollux.settings import Section, Settings

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

    from pollux.config import Loaded
    from pollux.spans import KeyPath

Help = Mapping["KeyPath", str]
"""What a file says beside its settings, by path."""

_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "table"}


def settings_of(loaded: Loaded, beside: Help) -> list[shapes.Setting]:
    """Return the settings of every section, and the options of the default pipeline's stages."""
    return [*_Sections(loaded, beside).all(), *_stages(loaded, beside)]


class _Sections:
    """Walks the sections of one configuration."""

    def __init__(self, loaded: Loaded, beside: Help) -> None:
        self._loaded = loaded
        self._beside = beside

    def all(self) -> Iterator[shapes.Setting]:
        return self._within(self._loaded.settings, Settings, ())

    def _within(self, section: Section, kind: type[Section], at: KeyPath) -> Iterator[shapes.Setting]:
        for each in msgspec.structs.fields(kind):
            path, value = (*at, each.encode_name), getattr(section, each.name)
            if isinstance(value, Section):
                yield from self._within(value, type(value), path)
            else:
                secret = each.name in kind.secrets
                yield _setting(self._loaded, self._beside, each, path, value, secret=secret, group=dotted(at))


def _stages(loaded: Loaded, beside: Help) -> Iterator[shapes.Setting]:
    for index, config in enumerate(loaded.pipelines[DEFAULT]):
        for each in msgspec.structs.fields(type(config)):
            path: KeyPath = ("pipeline", index, each.encode_name)
            value = msgspec.to_builtins(getattr(config, each.name))
            yield _setting(loaded, beside, each, path, value, secret=False, group=config.name)


def _setting(
    loaded: Loaded, beside: Help, each: FieldInfo, path: KeyPath, value: Any, *, secret: bool, group: str
) -> shapes.Setting:
    name = dotted(path)
    plain = _plain(each.type)
    choices = [str(choice) for choice in get_args(plain)] if get_origin(plain) is Literal else []
    return shapes.Setting(
        path=name,
        group=group,
        type=msgspec.convert(_type(plain, value), Literal["string", "integer", "number", "boolean", "list", "table"]),
        value=None if secret else value,
        default=None if secret else default_of(each),
        choices=choices,
        secret=secret,
        is_set=bool(value) if secret else _is_written(loaded.source.tables, path),
        locked_by=loaded.locks.get(name, ""),
        restart=needs_restart(name),
        help=beside.get(path, ""),
    )


def _plain(kind: Any) -> Any:
    return _plain(kind.__origin__) if hasattr(kind, "__metadata__") else kind


def _type(plain: Any, value: Any) -> str:
    """Return a type's name in JSON's words; where a setting may be several, the present value tells."""
    origin = get_origin(plain)
    if origin is Literal:
        return "string"
    if origin in {Union, types.UnionType}:
        return _TYPES.get(type(value), "string")
    return _TYPES.get(origin or plain, "string")


def default_of(each: FieldInfo) -> Any:
    """Return the default of a setting or option; None where it has to be given."""
    if each.default_factory is not NODEFAULT:
        return msgspec.to_builtins(each.default_factory())
    return None if each.default is NODEFAULT else msgspec.to_builtins(each.default)


def _is_written(tables: Any, path: KeyPath) -> bool:
    for part in path:
        inside = isinstance(tables, dict) and part in tables
        inside |= isinstance(tables, list) and isinstance(part, int) and part < len(tables)
        if not inside:
            return False
        tables = tables[part]
    return True
