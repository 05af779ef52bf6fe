"""The option `-c FILE`, and what a command does with the configuration it names."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from pollux.problem import EX_CONFIG, ConfigErrors, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pollux.config import Loaded

option = click.option(
    *("-c", "--config"),
    type=click.Path(dir_okay=False),
    envvar="POLLUX_CONFIG",
    help="The configuration; without it proxy.toml in this directory, else the defaults.",
)


def load_or_exit(config: str | None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Return the configuration, its warnings said; a bad one ends the process with everything wrong with it."""
    import structlog

    from pollux.config import load

    # What is logged on the way is for people; standard output is the command's own, for programs too.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        loaded = load(config, environ)
    except ConfigErrors as exc:
        click.echo(written(exc.problems, "text"), err=True)
        raise SystemExit(EX_CONFIG) from None
    if loaded.warnings:
        click.echo(written(loaded.warnings, "text"), err=True)
    return loaded
