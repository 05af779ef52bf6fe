"""Which stages there are: built-in ones, those of installed packages, and any class named in proxy.toml."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from pipeline.stage import StageConfig

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

BUILT_IN = "pipeline.stages"
GROUP = "pollux.stages"
"""The entry-point group by which an installed package offers stages of its own."""


class UnknownStage(LookupError):
    """There is no such stage; the message says what was probably meant, or why it cannot be loaded."""


def names() -> list[str]:
    """Return the names of all stages that need no `package.module:Class`, built-in ones first."""
    built_in = _built_in_names()
    return built_in + sorted({entry.name for entry in entry_points(group=GROUP)} - set(built_in))


def find(name: str) -> type[StageConfig]:
    """Return the stage of that name.

    Shape: `name` is a built-in stage, an entry point of the group `pollux.stages`, or `package.module:Class`.
    Errors: UnknownStage.
    """
    if ":" in name:
        return _imported(name)
    if name in _built_in_names():
        return built_in(name)
    for entry in entry_points(group=GROUP, name=name):
        return _imported(entry.value)
    raise UnknownStage(f"no stage named {name!r}{did_you_mean(name, names())}")


def built_in(name: str) -> type[StageConfig]:
    """Return a stage of our own: the one StageConfig that the file of its name defines."""
    module = importlib.import_module(f"{BUILT_IN}.{name.replace('-', '_')}")
    (config,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, StageConfig) and each.__module__ == module.__name__
    )
    return config


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _built_in_names() -> list[str]:
    package = importlib.import_module(BUILT_IN)
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(package.__path__))


def _imported(reference: str) -> type[StageConfig]:
    place, _, name = reference.partition(":")
    module = _module(place, reference)
    config = getattr(module, name, None)
    if config is None:
        raise UnknownStage(f"no class {name!r} in {place!r}{did_you_mean(name, vars(module))}")
    if not (isinstance(config, type) and issubclass(config, StageConfig)):
        raise UnknownStage(f"{reference!r} is not a stage: it does not derive from StageConfig")
    if not config.name:
        raise UnknownStage(f"{reference!r} has no name: say `name: ClassVar[str] = ...` in the class")
    return config


def _module(place: str, reference: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except Exception as exc:  # somebody else's module may fail in any way while it is imported
        raise UnknownStage(f"cannot import {reference!r}: {type(exc).__name__}: {exc}") from exc
