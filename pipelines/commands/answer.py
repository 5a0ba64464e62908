"""How an answer is printed: a table for people, CSV or JSON for machines.

Nothing is computed here, and nothing read.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import Refused
from pipelines.commands.currency import (
    in_currency,
    rate_line,
    rate_told,
    rows_in_currency,
    title_in_currency,
)
from pipelines.commands.handover import taker
from pipelines.commands.prices import prices_line, prices_told
from pipelines.text import one_line, spreadsheet, visible
from warehouse.rows import plain

if TYPE_CHECKING:
    from pipelines.answers.moment import Moment

FORMATS = ("table", "csv", "json")
WIDEST = 100_000
"""Of a line that no screen holds. [character]"""
GAP = 2
"""Between two columns. [character]"""
LEAST_BESIDE_NAME = 30
"""Beside the name of a row a longer word, such as an address, is broken. [character]"""
MOMENT = "truecost.moment"  # of the running command, in the context of click


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


def tell_moment(moment: Moment | None) -> None:
    """Say as of which moment the running command answers; what it prints carries that."""
    context = click.get_current_context(silent=True)
    if context is not None and moment is not None:
        context.meta[MOMENT] = moment


def moment_told() -> Moment | None:
    """Return the moment of the running command, if it answers as of one."""
    context = click.get_current_context(silent=True)
    return context.meta.get(MOMENT) if context else None


def moment_line() -> str:
    """Return the first line of an answer that is not of now: once, then it is empty."""
    told = moment_told()
    context = click.get_current_context(silent=True)
    if told is None or context is None or context.meta.get(f"{MOMENT}.printed"):
        return ""
    context.meta[f"{MOMENT}.printed"] = True
    return told.words(datetime.now(UTC).replace(tzinfo=None))


def with_moment(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer for machines with its ``moment``, and its ``currency`` if not US dollars."""
    told, rate = moment_told(), rate_told()
    found = dict(answer)
    if told is not None:
        found["moment"] = plain(told.as_data(datetime.now(UTC).replace(tzinfo=None)))
    if rate is not None:
        found["currency"] = rate.as_data()
    if (private := prices_told()) is not None:
        found["private_prices"] = private
    return found


def money(usd: float, decimals: int | None = None) -> str:
    """Return an amount for people, with its currency; 3 significant digits unless told."""
    rate = rate_told()
    own = usd / rate.usd_per_unit if rate else usd
    shown = significant(own) if decimals is None else f"{own:,.{decimals}f}"
    return f"{shown} {rate.currency if rate else 'USD'}"


def screen_width() -> int | None:
    """Return the width of the screen, or COLUMNS where that is set; None without both."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size().columns
    return None


def print_sentence(text: str, *, err: bool = False) -> None:
    """Print what is said beside a table, wrapped between words at the width of the screen."""
    width = screen_width()
    if width is not None and not err:
        text = "\n".join(
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
            for line in text.split("\n")
        )
    click.echo(text, err=err)


def print_document(answer: Mapping[str, Any]) -> None:
    """Print an answer that is one object as JSON."""
    if (answered := taker()) is not None:
        answered.document, answered.facts = dict(in_currency(answer)), with_moment({})
        return
    click.echo(json.dumps(plain(with_moment(in_currency(answer))), indent=1))


def significant(value: Any, digits: int = 3) -> str:
    """Return a number for people: 3 significant digits, thousands separated, a dash for null.

    Examples
    --------
    >>> significant(1234567.0), significant(0.000123456), significant(None), significant(3.14e23)
    ('1,230,000', '0.000123', '–', '3.14e23')
    """
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return " to ".join(significant(part, digits) for part in value)
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
    columns: Sequence[str], rows: Iterable[Sequence[Any]], output: str | None, title: str = ""
) -> None:
    """Print rows in the chosen format; CSV and JSON as the rows come.

    Parameters
    ----------
    columns : sequence of str
        Column names, units included.
    rows : iterable of sequences
        The answer, one sequence a row.
    output : {"table", "csv", "json"} or None
        None means table.
    title : str
        A line above the table; not printed for machines.
    """
    if output in ("json", "csv"):
        columns, rows = rows_in_currency(columns, rows)
    if output == "json" or taker() is not None:
        refuse_equal_names(columns)
    if (answered := taker()) is not None:
        answered.columns, answered.rows = list(columns), list(rows)
        answered.facts = with_moment({})
    elif output == "json":
        before = "[\n "
        for row in rows:
            named = dict(zip(columns, map(plain, row), strict=True))
            item = json.dumps(with_moment(named), indent=1)
            sys.stdout.write(before + item.replace("\n", "\n "))
            before = ",\n "
        click.echo("[]" if before.startswith("[") else "\n]")
    elif output == "csv":
        for line in filter(None, (moment_line(), rate_line(), prices_line())):
            click.echo(one_line(line), err=True)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([cell(column) for column in columns])
        writer.writerows([cell(value) for value in row] for row in rows)
    else:
        print_table(columns, list(rows), title)


def refuse_equal_names(columns: Sequence[str]) -> None:
    """Refuse an answer in which one name would hide the values of another column.

    Examples
    --------
    >>> refuse_equal_names(["a", "A"])
    >>> refuse_equal_names(["a", "b", "a"])
    Traceback (most recent call last):
    pipelines.commands.Refused: two columns are called 'a': give one another name, with "as"
    """
    twice = next((name for name in columns if list(columns).count(name) > 1), None)
    if twice is not None:
        raise Refused(f'two columns are called {twice!r}: give one another name, with "as"')


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print rows as a table for people, numbers to the right.

    A table is at most as wide as the screen, or as COLUMNS where that is set. One that needs more
    is printed in parts, each with the numbers of the rows and their first column. No number and no
    name is ever broken, unless it alone is wider than the screen. Without a screen and without
    COLUMNS lines are whole.
    """
    from rich.console import Console
    from rich.text import Text

    width = screen_width()
    is_limited = width is not None
    console = Console(width=width or WIDEST)
    for line in filter(None, (moment_line(), rate_line(), prices_line())):
        console.print(Text(one_line(line), style="bold"), soft_wrap=not is_limited)
    columns, told = rows_in_currency(columns, rows)
    rows = list(told)
    title = "\n".join(map(visible, title_in_currency(title).split("\n")))
    if title:
        console.print(Text(title, style="italic"), soft_wrap=not is_limited)
    columns = [one_line(name) for name in columns]
    headings = [name.replace("_", " ") if is_limited else name for name in columns]
    shown = [[significant(value) for value in row] for row in rows]
    is_number = [
        any(isinstance(row[place], (int, float, Decimal)) for row in rows)
        for place in range(len(columns))
    ]
    cells = [[row[place] for row in shown] for place in range(len(columns))]
    needed = [_least_width(*pair) for pair in zip(headings, cells, strict=True)]
    for number, part in enumerate(_parts(needed, console.width, len(rows))):
        if number:
            console.print()
        widths = _widths(part, headings, cells, needed, console.width)
        console.print(_table(part, headings, shown, is_number, widths))
    if not rows:
        click.echo("(no rows)")


def _least_width(heading: str, values: Sequence[str]) -> int:
    """Return the width below which a word of a heading or a cell would be broken."""
    is_text = any(" " in value for value in values)
    words = [word for value in values for word in (value.split() if is_text else [value])]
    return max(map(len, [*heading.split(), *words]), default=1)


def _parts(needed: Sequence[int], width: int, row_count: int) -> list[list[int | None]]:
    """Return which columns stand in each part of a table; None is the number of the row.

    Examples
    --------
    >>> _parts([4, 10, 10, 10], 80, 3)
    [[0, 1, 2, 3]]
    >>> _parts([4, 10, 10, 10], 24, 3)
    [[None, 0, 1], [None, 0, 2], [None, 0, 3]]
    """
    if not needed or sum(needed) + GAP * (len(needed) - 1) <= width:
        return [list(range(len(needed)))]
    digits = len(str(row_count))
    widest = min(max(needed[1:], default=0), LEAST_BESIDE_NAME)
    has_name = digits + needed[0] + widest + 2 * GAP <= width
    first: list[int | None] = [None, 0] if has_name else [None]
    room_beside = width - digits - GAP - (needed[0] + GAP if has_name else 0)
    parts: list[list[int | None]] = []
    room = -1
    for place in range(1 if has_name else 0, len(needed)):
        if needed[place] > room:
            parts.append([*first])
            room = room_beside
        parts[-1].append(place)
        room -= needed[place] + GAP
    return parts


def _widths(
    part: Sequence[int | None],
    headings: Sequence[str],
    cells: Sequence[Sequence[str]],
    needed: Sequence[int],
    width: int,
) -> list[int]:
    """Return the widths of a part: what is needed, and of the rest what cells and headings want.

    Examples
    --------
    >>> _widths([0, 1], ["gpu id", "usd"], [["L4"], ["two words"]], [3, 5], 80)
    [6, 9]
    >>> _widths([0, 1], ["gpu id", "usd"], [["L4"], ["two words"]], [3, 5], 12)
    [3, 7]
    """
    places = [place for place in part if place is not None]
    number = [len(str(max(map(len, cells), default=0)))] if None in part else []
    room = width - sum(number) - GAP * (len(part) - 1)
    found: dict[int, int] = {}
    for place in places:
        # One that alone is wider than the screen is broken.
        found[place] = max(min(needed[place], room), 1)
        room -= found[place]
    for wanted in (
        {place: max(map(len, cells[place]), default=0) for place in places},
        {place: len(headings[place]) for place in places},
    ):
        for place in places:
            more = max(min(wanted[place] - found[place], room), 0)
            found[place] += more
            room -= more
    return [*number, *found.values()]


def _table(
    part: Sequence[int | None],
    headings: Sequence[str],
    shown: Sequence[Sequence[str]],
    is_number: Sequence[bool],
    widths: Sequence[int],
) -> Any:
    """Return one part of a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, width in zip(part, widths, strict=True):
        is_right = place is None or is_number[place]
        table.add_column(
            Text("#" if place is None else headings[place]),
            justify="right" if is_right else "left",
            overflow="fold",
            width=width,
        )
    for number, row in enumerate(shown, 1):
        table.add_row(*(Text(str(number) if place is None else row[place]) for place in part))
    return table
