"""How an answer is printed: a table for people, CSV or JSON for machines.

Nothing is computed here, and nothing read.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

from pipelines.escaping import one_line, spreadsheet

FORMATS = ("table", "csv", "json")


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format table|csv|json`` and its short form ``--json`` to a command."""
    command = click.option(
        "--format",
        "output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print: a table for people, csv, or json (an array of objects).",
    )(command)
    return click.option(
        "--json", "output", flag_value="json", help="Short for --format json.", default=None
    )(command)


def plain(value: Any) -> Any:
    """Return a value that JSON has: ISO dates, Decimal as float, null for NaN and infinity."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def significant(value: Any, digits: int = 3) -> str:
    """Return a number for people: 3 significant digits, thousands separated, a dash for null.

    Examples
    --------
    >>> significant(1234567.0), significant(0.000123456), significant(None), significant(3.14e23)
    ('1,230,000', '0.000123', '–', '3.14e23')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return "–"
        if value == 0:
            return "0"
        if abs(value) >= 1e15:
            return f"{value:.{digits - 1}e}".replace("e+", "e")
        decimals = digits - 1 - math.floor(math.log10(abs(value)))
        rounded = round(value, decimals)
        return (
            f"{rounded:,.{max(decimals, 0)}f}".rstrip("0").rstrip(".")
            if decimals > 0
            else f"{rounded:,.0f}"
        )
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if isinstance(value, date):
        return value.isoformat()
    return one_line(value)


def cell(value: Any) -> Any:
    """Return a value as a CSV file has it: plain, lists as JSON, no formula."""
    value = plain(value)
    return spreadsheet(json.dumps(value) if isinstance(value, (dict, list)) else value)


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], output: str | None, title: str = ""
) -> None:
    """Print rows in the chosen format.

    Parameters
    ----------
    columns : sequence of str
        Column names, units included.
    rows : sequence of sequences
        The answer, one sequence a row.
    output : {"table", "csv", "json"} or None
        None means table.
    title : str
        A line above the table; not printed for machines.
    """
    if output == "json":
        click.echo(
            json.dumps([dict(zip(columns, map(plain, row), strict=True)) for row in rows], indent=1)
        )
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in rows)
    else:
        print_table(columns, rows, title)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print rows as a table for people, numbers to the right.

    No number and no name is ever broken: a screen that is too narrow breaks lines instead, and
    headings at their words. What is not a screen gets whole lines.
    """
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if title:
        console.print(Text(title, style="italic"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    cells = [[significant(value) for value in row] for row in rows]
    for index, name in enumerate(columns):
        is_number = any(isinstance(row[index], (int, float, Decimal)) for row in rows)
        values = [row[index] for row in cells]
        is_text = any(" " in value for value in values)  # which may break at its spaces
        table.add_column(
            Text(name.replace("_", " ") if console.is_terminal else name),
            justify="right" if is_number else "left",
            overflow="fold",
            min_width=None if is_text else max(map(len, values), default=None),
        )
    for row in cells:
        table.add_row(*map(Text, row))
    wide = console.options.update(max_width=100_000)
    needed = Measurement.get(console, wide, table)
    least = needed.minimum if console.is_terminal else needed.maximum
    console.width = max(console.width, least)
    console.print(table)
    if not rows:
        click.echo("(no rows)")
