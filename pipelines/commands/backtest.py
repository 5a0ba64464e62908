"""``truecost backtest``: our models against cases with known answers, one command a model."""

from __future__ import annotations

import importlib

import click

SUBCOMMANDS = {
    "training": ("backtest_training", "Training cost against cases with published results."),
    "inference": ("backtest_inference", "Serving speed and cost against measured results."),
}


class BacktestGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of what can be back-tested."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None if there is no such command."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"pipelines.commands.{SUBCOMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in SUBCOMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse in one line that lists what there is."""
        if args and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no back-test {args[0]!r}; there are: {', '.join(SUBCOMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=BacktestGroup)
def backtest() -> None:
    """Compare our models with cases whose answers are known."""
