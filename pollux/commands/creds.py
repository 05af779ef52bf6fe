"""`pollux creds`: add, list, verify, enable, disable, remove, export and encrypt credentials."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from pipeline.errors import StoreError
from pollux.commands import configuration

if TYPE_CHECKING:
    from pipeline.ports import Credential
    from pollux.credentials import Credentials

T = TypeVar("T")

_WORTH_A_BAR = 20

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


@click.group("creds")
def command() -> None:
    """Look after credentials: API keys, Google accounts, service accounts."""


@command.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@configuration.option
@as_json
def add(sources: tuple[str, ...], config: str | None, as_json: bool) -> None:
    """Keep new credentials.

    SOURCE is a file, a directory, a ZIP archive, an API key, or - for standard input. Every form that gemini-cli,
    gcloud and other proxies write is recognised. The sources stay as they are. Exit code 1: something was refused.
    """
    found, refused = _read(sources)

    async def keep(held: Credentials) -> list[dict[str, str]]:
        known = {each.id for each in await held.store.load()}
        kept = []
        with _progress(found, "Adding") as announced:
            for credential in announced:
                kind, name = credential.kind, await held.store.add(credential)
                kept.append({"name": name, "kind": kind, "result": "known" if name in known else "added"})
                known.add(name)
        return kept

    kept = _with_credentials(config, keep)
    _show(kept, as_json, lambda each: f"{each['result']} {each['name']} ({each['kind']})")
    for reason in refused:
        click.echo(f"refused {reason}", err=True)
    if refused:
        sys.exit(1)


@command.command("list")
@configuration.option
@as_json
def list_(config: str | None, as_json: bool) -> None:
    """List credentials with their projects and how they are doing; never their secrets."""

    async def states(held: Credentials) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(each) for each in held.pool.snapshot()]

    rows = _with_credentials(config, states)
    width = max((len(each["credential"]) for each in rows), default=0)
    _show(rows, as_json, lambda each: _line(each, width))
    if not rows and not as_json:
        click.echo("No credentials yet: pollux creds add FILE, or pollux creds add API-KEY.", err=True)


@command.command()
@configuration.option
@as_json
def verify(config: str | None, as_json: bool) -> None:
    """Try each credential with one cheap call to Google. Exit code 1: one was refused."""
    loaded = configuration.load_or_exit(config)

    async def all_of_them() -> list[dict[str, str]]:
        from pollux.verify import verify as verified

        rows = []
        async for each in verified(loaded):
            rows.append({"name": each.id, "kind": each.kind, "error": each.error})
            if not as_json:  # as they come: many take a while
                click.echo(f"{each.id} ({each.kind}): {each.error or 'ok'}")
        return rows

    rows = asyncio.run(all_of_them())
    if as_json:
        _show(rows, as_json, str)
    if any(each["error"] for each in rows):
        sys.exit(1)


@command.command()
@names
@configuration.option
def enable(names: tuple[str, ...], config: str | None) -> None:
    """Take credentials back into use, rested."""
    _for_each(names, config, "enabled", lambda held, name: held.pool.enable(name))


@command.command()
@names
@click.option("--reason", default="disabled by the operator", show_default=True)
@configuration.option
def disable(names: tuple[str, ...], reason: str, config: str | None) -> None:
    """Take credentials out of use; they stay where they are."""
    _for_each(names, config, "disabled", lambda held, name: held.pool.disable(name, reason))


@command.command()
@names
@click.confirmation_option(prompt="Their files in the credentials directory are deleted. Go on?")
@configuration.option
def remove(names: tuple[str, ...], config: str | None) -> None:
    """Forget credentials and delete their files."""

    async def forget(held: Credentials) -> list[str]:
        return [name for name in names if not await held.store.remove(name)]

    _report(names, _with_credentials(config, forget), "removed")


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Instead of standard output.")
@configuration.option
def export(names: tuple[str, ...], output: Path | None, config: str | None) -> None:
    """Write credentials, all or those named, with their secrets, as `creds add` reads them."""

    async def documents(held: Credentials) -> dict[str, Any]:
        from stores.forms import to_document

        chosen = [each for each in await held.store.load() if not names or each.id in names]
        return {each.id: to_document(each) for each in chosen}

    found = _with_credentials(config, documents)
    text = json.dumps(list(found.values()), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            with open(output, "w", encoding="utf-8", opener=_private) as file:
                file.write(text)
        except OSError as exc:
            raise click.ClickException(f"cannot write {output}: {exc.strerror}") from exc
    missing = [name for name in names if name not in found]
    for name in missing:
        click.echo(f"no credential named {name}", err=True)
    if missing:
        sys.exit(1)


@command.command()
@configuration.option
def rekey(config: str | None) -> None:
    """Encrypt credentials with POLLUX_ENCRYPTION_KEY: plain ones, and those under the key until now.

    The key until now is asked for, or read from POLLUX_ENCRYPTION_KEY_OLD. Interrupted, it can be run again.
    """
    from pollux.storage import KEY, KEY_BEFORE

    if not os.environ.get(KEY):
        raise click.ClickException(f"{KEY} is not set: it is what credentials are to be encrypted with.")
    environ = dict(os.environ)
    if not environ.get(KEY_BEFORE) and sys.stdin.isatty():
        environ[KEY_BEFORE] = click.prompt("The key until now (empty: none)", default="", hide_input=True)

    async def reseal(held: Credentials) -> int:
        return sum([await home.reseal() for home in held.homes])

    click.echo(f"encrypted {_with_credentials(config, reseal, environ)} anew")


def _read(sources: Iterable[str]) -> tuple[list[Credential], list[str]]:
    """Return the credentials in all sources, and what was refused with why."""
    from stores.forms import scan

    found: list[Credential] = []
    refused: list[str] = []
    for source in sources:
        for name, data in _contents(source, refused):
            reading = scan(data, name)
            found += reading.credentials
            refused += map(str, reading.problems)
    return found, refused


def _contents(source: str, refused: list[str]) -> Iterable[tuple[str, bytes]]:
    path = Path(source)
    if source == "-":
        yield "", sys.stdin.buffer.read()
    elif path.is_dir():
        yield from _in_directory(path, refused)
    elif path.is_file():
        try:
            yield path.name, path.read_bytes()
        except OSError as exc:
            refused.append(f"{source}: {exc.strerror}")
    elif "/" in source or path.suffix in {".json", ".zip", ".txt"}:
        # A misspelt file name must not become an API key.
        refused.append(f"{source}: no such file")
    else:
        yield "", source.encode()


def _in_directory(path: Path, refused: list[str]) -> Iterable[tuple[str, bytes]]:
    try:
        inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    except OSError as exc:
        refused.append(f"{path}: {exc.strerror}")
        return
    if not inside:
        refused.append(f"{path}: it is empty")
    for each in inside:
        if each.is_dir():
            refused.append(f"{each}: a directory within a directory; name it to add what is in it")
        elif each.is_file():
            yield from _contents(str(each), refused)


def _with_credentials(
    config: str | None, work: Callable[[Credentials], Awaitable[T]], environ: Mapping[str, str] = os.environ
) -> T:
    loaded = configuration.load_or_exit(config)

    async def run() -> T:
        from pollux import credentials

        async with credentials.opened(loaded, environ) as opened:
            return await work(opened)

    try:
        return asyncio.run(run())
    except StoreError as exc:
        raise click.ClickException(exc.message) from exc


def _for_each(names: tuple[str, ...], config: str | None, done: str, act: Callable[[Credentials, str], bool]) -> None:
    async def run(held: Credentials) -> list[str]:
        return [name for name in names if not act(held, name)]

    _report(names, _with_credentials(config, run), done)


def _report(names: Iterable[str], missing: list[str], done: str) -> None:
    for name in names:
        missed = name in missing
        click.echo(f"no credential named {name}" if missed else f"{done} {name}", err=missed)
    if missing:
        sys.exit(1)


def _show(rows: list[dict[str, Any]], as_json: bool, line: Callable[[dict[str, Any]], str]) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(line(row))


def _line(unit: dict[str, Any], width: int) -> str:
    told = [unit["project"], unit["email"], unit["reason"]]
    parts = [f"{unit['credential']:{width}}", f"{unit['kind']:14}", f"{unit['state']:11}", *filter(None, told)]
    return "  ".join(parts).rstrip()


def _progress(items: list[T], label: str) -> Any:
    hidden = len(items) < _WORTH_A_BAR or not sys.stderr.isatty()
    return click.progressbar(items, label=label, file=sys.stderr, hidden=hidden)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
