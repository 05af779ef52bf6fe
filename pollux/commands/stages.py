"""`pollux stages`: which stages there are, and what each one's options do."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import NODEFAULT

from pipeline import registry

if TYPE_CHECKING:
    from pipeline.stage import StageConfig


@click.command("stages")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(name: str | None, as_json: bool) -> None:
    """List the stages, or explain one and its options.

    NAME is a stage's name, or package.module:Class for one of your own.
    """
    from pollux.config import FILE, look_beside

    look_beside(Path(FILE))
    try:
        found = [registry.find(each) for each in ([name] if name else registry.names())]
    except registry.UnknownStage as exc:
        raise click.ClickException(str(exc)) from exc
    if as_json:
        click.echo(json.dumps([_document(each) for each in found], indent=2, ensure_ascii=False))
    elif name:
        click.echo(explained(found[0]))
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            click.echo(f"{each.name:{width}}  {_documentation(each).partition(chr(10))[0]}")


def explained(config: type[StageConfig]) -> str:
    """Return what a stage does, its options with types and defaults, and where in a pipeline it can stand."""
    lines = [config.name, "", _documentation(config)]
    options = _options(config)
    if options:
        lines += ["", "Options"]
        lines += [f"  {option['name']}: {option['type']} {_default(option)}" for option in options]
    lines += ["", f"Needs: {_listed(config.needs)}", f"Gives: {_listed(config.gives)}"]
    return "\n".join(lines)


def _document(config: type[StageConfig]) -> dict[str, Any]:
    return {
        "name": config.name,
        "documentation": _documentation(config),
        "options": _options(config),
        "needs": sorted(config.needs),
        "gives": sorted(config.gives),
    }


def _documentation(config: type[StageConfig]) -> str:
    return inspect.cleandoc(config.__doc__ or "")


def _options(config: type[StageConfig]) -> list[dict[str, Any]]:
    """Return an option's name and type, and its default unless it has to be given."""
    options = []
    for each in msgspec.structs.fields(config):
        option = {"name": each.encode_name, "type": _type(each.type)}
        if each.default_factory is not NODEFAULT:
            option["default"] = msgspec.to_builtins(each.default_factory())
        elif each.default is not NODEFAULT:
            option["default"] = msgspec.to_builtins(each.default)
        options.append(option)
    return options


def _default(option: dict[str, Any]) -> str:
    return f"= {_toml(option['default'])}" if "default" in option else "(required)"


def _type(kind: Any) -> str:
    return inspect.formatannotation(getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind)


def _toml(value: Any) -> str:
    """Return a default as it would be written in proxy.toml; a table on several lines is easier to read."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in value.items()]
        return "{}" if not pairs else "{\n    " + ",\n    ".join(pairs) + "\n  }"
    return json.dumps(value, ensure_ascii=False)


def _listed(fields: frozenset[str]) -> str:
    return ", ".join(sorted(fields)) or "nothing"
