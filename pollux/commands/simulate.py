"""`pollux simulate`: a Google that never leaves the machine."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click


@click.command("simulate")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8462, show_default=True)
@click.option("--scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON or TOML.")
@click.option("--canned", is_flag=True, help="One prebuilt answer, as fast as possible: for benchmarks.")
def command(host: str, port: int, scenario: Path | None, canned: bool) -> None:
    """Serve OAuth, Code Assist, the Gemini API and Vertex as Google does, without an account.

    A scenario scripts latency, cadence and faults; POST /_sim/script changes it while running.
    """
    from adapters import simulator
    from adapters.simulator.scenario import load
    from pollux.loop import loop_factory

    try:
        script = load(scenario) if scenario else None
    except ValueError as exc:  # msgspec's and tomllib's too
        raise click.BadParameter(f"{scenario}: {exc}", param_hint="--scenario") from exc
    try:
        with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(simulator.serve(host, port, script, canned, ready=click.echo))
    except OSError as exc:
        raise click.ClickException(f"cannot listen on {host}:{port}: {exc.strerror or exc}") from exc
