"""The command line. Start-up time is a promise: nothing heavy is imported before a command needs it."""

from __future__ import annotations

import importlib
import keyword

import click

from pollux import __version__

COMMANDS = ("serve", "check", "explain", "stages", "simulate", "demo", "creds", "login", "keys", "import")

_OF_POLLUX_ITSELF = {"--help", "--version"}


class Commands(click.Group):
    """Finds a command in the file of its name; options alone are those of `serve`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            from pipeline.registry import did_you_mean

            ctx.fail(f"no command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = importlib.import_module(f"pollux.commands.{module}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in _OF_POLLUX_ITSELF):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.command(
    cls=Commands,
    epilog="`pollux` alone is `pollux serve`.",
    context_settings={"max_content_width": 110},
)
@click.version_option(__version__, prog_name="pollux")
def main() -> None:
    """A proxy that speaks OpenAI, Anthropic and Gemini on one side and every Google Gemini upstream on the other."""
