"""``truecost verify index``: the price index of a day, made again from what it was made from."""

from __future__ import annotations

from datetime import date, datetime

import click
import duckdb

from pipelines.commands import Refused
from pipelines.commands.published import published


def day_of(text: str, what: str) -> date:
    """Return a day from YYYY-MM-DD, or refuse it in one line.

    Examples
    --------
    >>> day_of("2026-08-10", "--day")
    datetime.date(2026, 8, 10)
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{what} {text!r} is no day; give YYYY-MM-DD") from error


def moment_of(text: str, what: str) -> str:
    """Return a day or an instant as the macros take it, or refuse it in one line.

    Examples
    --------
    >>> moment_of("2026-08-10", "--as-of"), moment_of("2026-08-10T06:30:00Z", "--as-of")
    ('2026-08-10', '2026-08-10 06:30:00')
    """
    try:
        if len(text) == 10:
            return date.fromisoformat(text).isoformat()
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{what} {text!r} is no time; give YYYY-MM-DD or ISO 8601") from error
    return str((at - (at.utcoffset() or at - at)).replace(tzinfo=None))


def days_with_index(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a line that says which days have an index."""
    [(first, last, count)] = connection.execute(
        "select min(day), max(day), count(distinct day) from marts.gpu_price_index"
    ).fetchall()
    return f"there are {count} days from {first} to {last}" if count else "there is none yet"


@click.command()
@click.option("--day", "day_text", help="The day (YYYY-MM-DD); the newest where not given.")
def verify_index(day_text: str | None) -> None:
    """Recompute the price index of a day, and compare.

    Every revision is made again from the inputs stored beside it, and the inputs from the offers
    that were believed when it was made. Ends with status 1 and one line for each difference.

    \b
    truecost verify index --day 2026-08-10
    """
    from pipelines.index_verification import check_index

    day = day_of(day_text, "--day") if day_text else None
    with published() as connection:
        if day is None:
            day = connection.execute("select max(day) from marts.gpu_price_index").fetchall()[0][0]
        check = check_index(connection, day) if day else None
        if check is None or not check.values:
            raise Refused(f"no index on {day_text}; {days_with_index(connection)}")
    click.echo(
        f"{day}: {check.values} values of the index made again from {check.inputs} inputs,"
        f" {len(check.wrong)} wrong."
    )
    for line in check.wrong:
        click.echo(f"truecost verify index: {line}", err=True)
    if check.wrong:
        raise SystemExit(1)
