"""`pollux serve`: runs the proxy."""

from __future__ import annotations

import os
import sys

import click

from pollux.commands import configuration


@click.command("serve")
@configuration.option
@click.option("--host", help="The address to listen on; wins over HOST and the configuration.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes any free one.")
@click.option("--workers", type=click.IntRange(1), help="The number of processes.")
def command(config: str | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Run the proxy until it is asked to stop.

    SIGTERM and Ctrl-C let running answers end first. Exit code 78: the configuration is wrong.
    """
    from pollux import serve

    environ = dict(os.environ)
    flags = {"POLLUX_CONFIG": config, "HOST": host, "PORT": port, "WORKERS": workers}
    environ.update({name: str(value) for name, value in flags.items() if value is not None})
    sys.exit(serve.run(configuration.load_or_exit(config, environ), environ))
