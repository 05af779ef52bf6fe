"""`pollux import`: takes over what another proxy keeps."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import StoreError
from pollux.commands import configuration

if TYPE_CHECKING:
    from pollux.imports.apply import Outcome
    from pollux.imports.plan import ImportPlan, Item

FROM = ("gcli2api", "boltrunner", "arain", "gemini-balance", "cliproxyapi", "litellm", "credentials")
"""The names of `pollux.imports.gather.LAYOUTS`, here without importing them all."""

_SHOWN = 20
"""Exact items of a kind that are listed one by one."""
_TOLD_EVERY = 100


@click.command("import", short_help="Take over what another proxy keeps.")
@click.argument("source", nargs=-1, required=True, metavar="[FROM] PATH")
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--write-config", type=click.Path(path_type=Path), metavar="FILE", help="Write settings to a new file.")
@click.option("--json", "as_json", is_flag=True, help="For programs; with --dry-run or --yes.")
@configuration.option
def command(
    *, source: tuple[str, ...], dry_run: bool, yes: bool, write_config: Path | None, as_json: bool, config: str | None
) -> None:
    """Take over credentials, client keys, costs and settings of another proxy.

    PATH is a file, a directory, an archive, or the URL of a Redis, PostgreSQL or MongoDB store. FROM is what wrote it:
    gcli2api, boltrunner, arain, gemini-balance, cliproxyapi, litellm, or credentials for credential files alone;
    without it, the content is recognised. The source stays as it is. What is known already is not added again.
    Exit code 1: something could not be taken over.
    """
    layout, path = _parsed(source)
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json cannot ask: add --dry-run or --yes.")
    if write_config is not None and write_config.exists():
        raise click.UsageError(f"{write_config} exists, and is not written over.")
    plan = _gathered(path, layout)
    if not as_json:
        _show(plan)
    outcomes: list[Outcome] = []
    if not dry_run and any(each.fidelity != "unsupported" for each in plan.items()):
        if not yes:
            click.confirm("Import this?", abort=True, err=True)
        if write_config is not None:  # first: when it cannot be written, nothing has been taken over yet
            _write(plan, write_config)
        outcomes = _applied(plan, config)
    _report(plan, outcomes, as_json=as_json)
    if any(each.result == "failed" for each in outcomes):
        sys.exit(1)


def _parsed(source: tuple[str, ...]) -> tuple[str | None, str]:
    if len(source) == 1:
        return None, source[0]
    if len(source) > 2:
        raise click.UsageError("One PATH at a time.")
    if source[0] not in FROM:
        from pipeline.registry import did_you_mean

        raise click.UsageError(f"nothing is imported from {source[0]!r}{did_you_mean(source[0], FROM)}")
    return source[0], source[1]


def _gathered(path: str, layout: str | None) -> ImportPlan:
    from pollux.imports.gather import gather
    from pollux.imports.plan import ImportFailed

    try:
        plan = asyncio.run(gather(path, time.time(), layout, _reading if sys.stderr.isatty() else None))
    except ImportFailed as exc:
        raise click.ClickException(str(exc)) from exc
    if not plan.layouts:
        raise click.ClickException(f"{plan.source}: nothing that is known is in it. Known are: {', '.join(FROM)}.")
    return plan


def _reading(done: int, total: int) -> None:
    if total >= _TOLD_EVERY and (done % _TOLD_EVERY == 0 or done == total):
        click.echo(f"\rReading {done} of {total} files", nl=done == total, err=True)


def _applied(plan: ImportPlan, config: str | None) -> list[Outcome]:
    loaded = configuration.load_or_exit(config)

    async def run() -> list[Outcome]:
        from pollux import credentials
        from pollux.imports.apply import apply

        total = len(plan.credentials) + len(plan.keys) + len(plan.costs)
        hidden = total < _TOLD_EVERY or not sys.stderr.isatty()
        outcomes = []
        async with credentials.opened(loaded, os.environ) as held:
            with click.progressbar(length=total, label="Importing", file=sys.stderr, hidden=hidden) as bar:
                async for outcome in apply(plan, held):
                    outcomes.append(outcome)
                    bar.update(1)
        return outcomes

    try:
        return asyncio.run(run())
    except StoreError as exc:
        raise click.ClickException(exc.message) from exc


def _write(plan: ImportPlan, path: Path) -> None:
    from pollux.imports.settings import as_toml

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise click.ClickException(f"{path}: {exc.strerror}") from exc
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(as_toml(plan.settings, plan.rows))


def _show(plan: ImportPlan) -> None:
    counts = Counter(each.fidelity for each in plan.items())
    said = ", ".join(f"{counts[each]} {each}" for each in ("exact", "approximate", "unsupported"))
    click.echo(f"{plan.source} ({', '.join(plan.layouts)}): {said}")
    listed: Counter[str] = Counter()
    for item in plan.items():
        if item.fidelity == "exact" and not item.why:
            listed[item.kind] += 1
            if listed[item.kind] > _SHOWN:
                continue
        click.echo(f"  {item.fidelity:12} {_told(item)}")
    for kind, number in listed.items():
        if number > _SHOWN:
            click.echo(f"  {'exact':12} {kind:11} ... and {number - _SHOWN} more")
    if plan.merged:
        click.echo(f"  {plan.merged} credentials were there more than once, and are one each.")
    if plan.skipped:
        more = f" and {len(plan.skipped) - 5} more" if len(plan.skipped) > 5 else ""
        click.echo(f"  not recognised: {', '.join(plan.skipped[:5])}{more}")


def _told(item: Item) -> str:
    from pollux.imports.plan import CostItem, CredentialItem, KeyItem, RowItem, SettingItem
    from pollux.imports.settings import line

    text = item.name
    if isinstance(item, SettingItem | RowItem):
        text = line(item)
    elif isinstance(item, CostItem):
        text = f"{item.name} = {item.cost}"
    elif isinstance(item, KeyItem):
        text = f"{item.name}  {item.description}".rstrip()
        text += f"  {item.used} of {item.total_quota} used" if item.total_quota else ""
    elif isinstance(item, CredentialItem):
        text = f"{item.name} ({item.credential.kind})" + _condition(item)
    return f"{item.kind:11} {text}" + (f": {item.why}" if item.why else "")


def _condition(item: Any) -> str:
    states = item.conditions.values()
    off = [each for each in states if each.disabled]
    text = "  disabled" if off else "  resting" if any(each.rests for each in states) else ""
    return text + (f" in {len(off)} of {len(item.credential.projects)} projects" if 0 < len(off) < len(states) else "")


def _report(plan: ImportPlan, outcomes: list[Outcome], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        items = [{"kind": each.kind, **_plain(each)} for each in plan.items()]
        document = {
            **{name: getattr(plan, name) for name in ("source", "layouts", "merged", "skipped", "steps")},
            "items": items,
            "outcomes": msgspec.to_builtins(outcomes),
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for each in outcomes:
        if each.result == "failed":
            click.echo(f"failed {each.kind} {each.name}: {each.error}", err=True)
    if outcomes:
        counts = Counter(each.result for each in outcomes)
        click.echo(", ".join(f"{number} {result}" for result, number in counts.items()))
    for step in plan.steps:
        click.echo(f"next: {step}")


def _plain(item: Item) -> dict[str, str]:
    return {"name": item.name, "origin": item.origin, "fidelity": item.fidelity, "why": item.why}
