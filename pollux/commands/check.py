"""`pollux check`: everything that is wrong, at once."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

import click

from pollux.commands import configuration
from pollux.problem import EX_CONFIG, ConfigErrors, Format, Problem, written

if TYPE_CHECKING:
    from pollux.config import Loaded

UPSTREAMS = ("gemini_api", "code_assist", "vertex", "vertex_express")


@click.command("check")
@configuration.option
@click.option("--env", "with_env", is_flag=True, help="Also directories, ports, credentials and stores.")
@click.option("--live", is_flag=True, help="Also verify each credential with one call to Google.")
@click.option("--explain-error", "body", type=click.File("rb"), help="Say what an error body of Google's leads to.")
@click.option("--status", type=int, default=0, help="With --explain-error: its HTTP status; else the body's code.")
@click.option(
    "--upstream", type=click.Choice(UPSTREAMS), default="gemini_api", show_default=True, help="And its sender."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def command(
    config: str | None,
    with_env: bool,
    live: bool,
    body: BinaryIO | None,
    status: int,
    upstream: str,
    form: Format,
) -> None:
    """Say everything that is wrong with the configuration: file, line, setting, what was probably meant.

    Exit code 0: it can be used; there may be warnings. 78: it cannot.
    """
    try:
        loaded, problems = _found(config, with_env, live)
    except ConfigErrors as exc:
        loaded, problems = None, exc.problems
    if problems or form == "json":
        click.echo(written(problems, form))
    if any(problem.level == "error" for problem in problems):
        sys.exit(EX_CONFIG)
    if loaded is not None and body is not None:
        click.echo(_explained(loaded, body.read(), status, upstream))
    elif loaded is not None and form == "text":
        click.echo(_summary(loaded))


def _found(config: str | None, with_env: bool, live: bool) -> tuple[Loaded, list[Problem]]:
    from pollux.config import load

    loaded = load(config, os.environ)
    problems = list(loaded.warnings)
    if with_env:
        from pollux import surroundings

        problems += surroundings.problems(loaded, os.environ)
    if live:
        problems += asyncio.run(_refused(loaded))
    return loaded, problems


def _explained(loaded: Loaded, body: bytes, status: int, upstream: str) -> str:
    from pollux.error_explanation import explain_error

    return explain_error(body, status, upstream, loaded.tables.errors, time.time())


async def _refused(loaded: Loaded) -> list[Problem]:
    """Verify the credentials, saying how far it got: many take a while."""
    from pollux.verify import verify

    found = []
    async for each in verify(loaded):
        click.echo(f"{each.id}: {each.error or 'ok'}", err=True)
        if each.error:
            found.append(Problem(each.error, each.id, loaded.settings.storage.credentials_dir))
    return found


def _summary(loaded: Loaded) -> str:
    pipelines = ", ".join(f"{name} ({len(stages)} stages)" for name, stages in loaded.pipelines.items())
    return f"{loaded.path or 'defaults'}: ok; pipelines: {pipelines}; routes: {len(loaded.routes)}"
