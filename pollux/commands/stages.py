"""`pollux stages`: which stages there are, and what each one's options do."""

from __future__ import annotations

import inspect
import json
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
        lines += [f"  {option['name']}: {option['type']} = {_toml(option['default'])}" for option in options]
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
    return [
        {"name": each.encode_name, "type": _type(each.type), "default": _default(each)}
        for each in msgspec.structs.fields(config)
    ]


def _default(each: msgspec.structs.FieldInfo) -> Any:
    if each.default_factory is not NODEFAULT:
        return msgspec.to_builtins(each.default_factory())
    return None if each.default is NODEFAULT else msgspec.to_builtins(each.default)


def _type(kind: Any) -> str:
    return inspect.formatannotation(getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind)


def _toml(value: Any) -> str:
    """Return a default as it would be written in proxy.toml; a table on several lines is easier to read."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in value.items()]
        return "{}" if not pairs else "{\n    " + ",\n    ".join(pairs) + "\n  }"
    return "(required)" if value is None else json.dumps(value, ensure_ascii=False)


def _listed(fields: frozenset[str]) -> str:
    return ", ".join(sorted(fields)) or "nothing"
