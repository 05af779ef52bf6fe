"""`pollux keys`: create, list, show, update and revoke client API keys with quotas."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.errors import StoreError
from pollux.commands import configuration

if TYPE_CHECKING:
    from pollux.client_keys import ClientKeys

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604_800}

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
name = click.argument("name", metavar="KEY")


class Expiry(click.ParamType[float]):
    """A date, a duration such as `30d`, or `never`; in epoch seconds."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float) or value == "never":
            return float(0 if value == "never" else value)
        duration = re.fullmatch(r"(\d{1,6})([mhdw])", value)
        if duration is not None:
            return time.time() + int(duration[1]) * _SECONDS[duration[2]]
        try:
            expires = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date such as 2027-01-31, nor a duration such as 30d, nor 'never'")
        if expires <= time.time():
            self.fail(f"{value} has passed: the key could never be used")
        return expires


def limits(function: F) -> F:
    """Add the options that say what a key is good for."""
    count = click.IntRange(0, 2**48)
    for option in reversed(
        [
            click.option("--description", help="Whose it is."),
            click.option("--total", "total_quota", type=count, help="Cost units it may use in all; 0 is no limit."),
            click.option("--daily", "daily_quota", type=count, help="Cost units a day."),
            click.option("--rpm", type=count, help="Requests a minute."),
            click.option("--tpm", type=count, help="Tokens a minute."),
            click.option("--concurrency", type=count, help="Requests under way at once."),
            click.option("--expires", type=Expiry(), help="2027-01-31, 30d or never."),
            click.option("--model", "models", multiple=True, help="A model it may use, * and ? allowed; repeatable."),
        ]
    ):
        function = option(function)
    return function


@click.group("keys")
def command() -> None:
    """Look after client API keys: who may call, for what, and how much."""


@command.command()
@limits
@configuration.option
@as_json
def create(config: str | None, as_json: bool, **options: Any) -> None:
    """Make a key. It is shown this once: only a digest of it is kept."""

    async def make(keys: ClientKeys) -> dict[str, Any]:
        secret, key = keys.book.create(_given(options))
        return {"api_key": secret, **await keys.shown(key)}

    made = _with_keys(config, make)
    if as_json:
        _print(made)
    else:
        click.echo(made["api_key"])
        click.echo(f"Keep it: it cannot be shown again. Its id is {made['id']}.", err=True)


@command.command("list")
@configuration.option
@as_json
def list_(config: str | None, as_json: bool) -> None:
    """List keys with what they may use and have used; never their secrets."""

    async def all_of_them(keys: ClientKeys) -> list[dict[str, Any]]:
        return [await keys.shown(key) for key in await keys.book.keys()]

    rows = _with_keys(config, all_of_them)
    if as_json:
        _print(rows)
        return
    for row in rows:
        click.echo(_line(row))
    if not rows:
        click.echo("No keys yet: pollux keys create.", err=True)


@command.command()
@name
@configuration.option
@as_json
def show(name: str, config: str | None, as_json: bool) -> None:
    """Show a key: KEY is its id, its mask or the key itself."""

    async def one(keys: ClientKeys) -> dict[str, Any] | None:
        key = await keys.book.find(name)
        return None if key is None else await keys.shown(key)

    found = _found(name, _with_keys(config, one))
    if as_json:
        _print(found)
        return
    width = max(map(len, found))
    for field, value in found.items():
        click.echo(f"{field:{width}}  {_told(value)}")


@command.command()
@name
@limits
@click.option("--enable/--disable", "enabled", default=None, help="Whether it may be used.")
@configuration.option
@as_json
def update(name: str, config: str | None, as_json: bool, **options: Any) -> None:
    """Change a key; running workers know within a second. `--model '*'` allows every model again."""

    async def change(keys: ClientKeys) -> dict[str, Any] | None:
        key = await keys.book.find(name)
        changed = None if key is None else await keys.book.update(key.id, _given(options))
        return None if changed is None else await keys.shown(changed)

    found = _found(name, _with_keys(config, change))
    if as_json:
        _print(found)
    else:
        click.echo(_line(found))


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="KEY...")
@click.confirmation_option(prompt="Who holds them is shut out for good. Go on?")
@configuration.option
def revoke(names: tuple[str, ...], config: str | None) -> None:
    """Forget keys and what they have used. Exit code 1: one was not found."""

    async def forget(keys: ClientKeys) -> list[str]:
        found = {name: await keys.book.find(name) for name in names}
        return [name for name, key in found.items() if key is None or not await keys.book.revoke(key.id)]

    missing = _with_keys(config, forget)
    for each in names:
        click.echo(f"no key {each}" if each in missing else f"revoked {each}", err=each in missing)
    if missing:
        sys.exit(1)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were written on the command line."""
    given = {field: value for field, value in options.items() if value is not None and value != ()}
    return given | ({"models": list(given["models"])} if "models" in given else {})


def _with_keys(config: str | None, work: Callable[[ClientKeys], Awaitable[T]]) -> T:
    loaded = configuration.load_or_exit(config)

    async def run() -> T:
        from pollux import client_keys

        async with client_keys.opened(loaded) as keys:
            return await work(keys)

    try:
        return asyncio.run(run())
    except StoreError as exc:
        raise click.ClickException(exc.message) from exc


def _found(name: str, found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        raise click.ClickException(f"no key {name}: pollux keys list")
    return found


def _line(key: dict[str, Any]) -> str:
    told = [key["id"], key["mask"], "" if key["enabled"] else "disabled", _quota(key), key["description"]]
    return "  ".join(part for part in told if part)


def _quota(key: dict[str, Any]) -> str:
    told = f"{key['used_total']} of {key['total_quota']}" if key["total_quota"] else f"{key['used_total']}"
    daily = f", today {key['used_today']} of {key['daily_quota']}" if key["daily_quota"] else ""
    return f"used {told}{daily}"


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value) or "-"
    return "-" if value in {None, ""} else str(value)


def _print(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
