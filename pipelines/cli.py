"""The command ``truecost``: one group, each topic in a module of ``pipelines.commands``.

Commands load lazily, so that a question to the published file imports neither Dagster nor pandas.
No answers are computed here.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

import click

from pipelines.text import one_line

# command: (module of pipelines.commands that exports it, "-" read as "_"; what it does)
COMMANDS = {
    "run": ("run", "Capture, build, derive, publish, and print the answers."),
    "status": ("status", "Each source: when it last answered, rows kept and held, what is wrong."),
    "sql": ("sql", "Ask the published warehouse in SQL."),
    "offers": ("offers", "Today's cheapest like-for-like offers of a GPU."),
    "quote": ("quote", "What some GPUs for some months cost, at the cheapest providers."),
    "compare": ("compare", "Two GPUs, two providers or two models side by side."),
    "index": ("index", "The price index of a GPU by market family, and who moved it."),
    "flop": ("flop", "What a floating-point operation costs to rent, by GPU and precision."),
    "infer": ("infer", "What serving a model costs today, by GPU set, with an interval."),
    "fit": ("fit", "Does a model fit, and the cheapest set that holds it today."),
    "image": ("image", "What images of a diffusion model cost, by GPU."),
    "api": ("api", "What the tokens of a model cost by API, beside serving it oneself."),
    "train": ("train", "What a training run costs: planned, priced, with an interval."),
    "trend": ("trend", "How fast training costs grow, over models of one's own choice."),
    "budget": ("budget", "Train or tune a model, then serve it: total and by month."),
    "napkin": ("napkin", "FLOPs, seconds and dollars of a model on the back of a napkin."),
    "own-vs-rent": ("own_vs_rent", "Own a cluster or rent it: break-even, as a band."),
    "reserve": ("reserve", "What to reserve for a job or a changing load, and the term structure."),
    "backtest": ("backtest", "Our models against cases with known answers."),
    "calibrate": ("calibrate", "Learn the speed of own machines from measurements."),
    "sources": ("sources", "Every source, and whether it runs."),
    "source": ("sources", "Fetch and parse one source, and print what it says."),
    "check-sources": (
        "check_sources",
        "Has any source changed? Each answer against its recorded shape.",
    ),
    "backfill": ("backfill", "Capture what sources said in the past, as far as available."),
    "rebuild": ("rebuild", "Make the warehouse again from landing."),
    "verify": ("verify", "Check payloads, files and some prices; verify index: recompute it."),
    "doctor": ("doctor", "Look at Python, DuckDB, limits, disk, clock and data folder."),
    "tidy": ("tidy", "Pack the captures of months long past; delete old runs of Dagster."),
    "restore": ("restore", "Put a published run back."),
    "quarantine": ("quarantine", "What was held and why; accept or reject it."),
    "site": ("site", "Write the pages: static, offline, as of any day."),
    "lake": ("lake", "Share captures and the warehouse between machines."),
    "digest": ("digest", "What changed: prices, offers, sources, and what moved with them."),
    "alert": ("alert", "Which rules about prices fire; exit status 1 where one does."),
    "why": ("why", "Where a number comes from: payload, parser, rule; or what depends on it."),
    "bill": ("bill", "How far above the market a FOCUS cost file is, by service and region."),
    "macros": ("macros", "SQL that makes the macros of the file work where it is attached."),
    "package": ("package", "Write the data package: Parquet, descriptions, dictionary, citation."),
    "pull": ("pull", "Get a published file from a host or a folder."),
    "push": ("pull", "Write the published file into a folder, for others to pull."),
    "serve": ("serve", "Answer over HTTP on 127.0.0.1: JSON, Prometheus, OpenCost."),
    "mcp": ("mcp", "Answer agents over the Model Context Protocol, read-only."),
    "export": ("export", "Write metrics for Prometheus, or prices for OpenCost, as a file."),
    "ui": ("ui", "Dagster webserver and daemon on 127.0.0.1: lineage, schedules, checks."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pipelines.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse in one line that lists what there is."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command {args[0]!r}; there are: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("truecost"), prog_name="truecost")
def truecost() -> None:
    """Show what AI compute really costs: dated prices x hardware x models, with intervals.

    Start with `truecost run`: it reads the price lists, builds the warehouse and prints the
    cheapest offers and the headline tables. Then ask: `truecost offers H100-SXM-80GB -n 8`,
    `truecost sql "from marts.offers_latest"`, or any command below with --help.

    Data live in warehouse/data of a checkout, for an installed package in a folder of the user, or
    where TRUECOST_HOME says: truecost doctor names the folder.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Bad input is one line on stderr and exit status 2."""
    try:
        status = truecost.main(args=arguments, prog_name="truecost", standalone_mode=False)
    except click.exceptions.Exit as end:
        status = end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        status = 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "truecost"
        message = one_line(error.format_message())
        click.echo(f"{command}: {message}", err=True)
        status = error.exit_code
    except click.Abort:
        click.echo("truecost: stopped", err=True)
        status = 130
    except BrokenPipeError:
        status = 0
    except OSError as error:  # a full disk, a folder that may not be written, a file that is gone
        place = f": {error.filename}" if error.filename else ""
        click.echo(f"truecost{place}: {error.strerror or error}", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
