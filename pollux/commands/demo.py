"""`pollux demo`: the proxy and a simulated Google together; needs no account."""

from __future__ import annotations

import sys

import click


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), default=7861, show_default=True)
def command(port: int) -> None:
    """Serve on loopback with a simulated Google and made-up credentials, and print calls to try."""
    from pollux import demo

    sys.exit(demo.run(port))
