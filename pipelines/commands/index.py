"""``truecost index`` and ``verify index``: the price index of a GPU, and a day of it made again."""

from __future__ import annotations

from datetime import date

import click
import duckdb

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.offers import PURCHASE_MODELS
from pipelines.commands.published import moment, one_of, past_options, published
from pipelines.past import Past

HORIZONS = (7, 30, 90, 365)  # days


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


def days_with_index(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a line that says which days have an index."""
    [(first, last, count)] = connection.execute(
        "select min(day), max(day), count(distinct day) from marts.gpu_price_index"
    ).fetchall()
    return f"there are {count} days from {first} to {last}" if count else "there is no index yet"


@click.command()
@click.argument("gpu")
@click.option(
    "--purchase",
    type=click.Choice(PURCHASE_MODELS),
    default="on_demand",
    show_default=True,
    help="How it is bought.",
)
@past_options
@format_option
def index(gpu: str, purchase: str, past: Past | None, output: str | None) -> None:
    """Print the price index of GPU by market family, how far it moved, and who moved it.

    Families are never mixed; where fewer than three independent providers count there is no value,
    and the reason stands there. Changes are fractions over 7, 30, 90 and 365 days.

    \b
    truecost index H100-SXM-80GB
    truecost index H100-SXM-80GB --purchase spot --json
    truecost index H100-SXM-80GB --as-of 2026-08-01 --known-on 2026-08-02
    """
    with published(past) as connection:
        gpus = connection.execute("select gpu_id from core.gpu").fetchall()
        asked = {"gpu": one_of("GPU", gpu, (name for (name,) in gpus)), "purchase": purchase}
        answer = connection.execute(NEWEST, asked)
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
        if output in (None, "table"):
            is_change = [name.startswith("change_") for name in columns]
            rows = [
                tuple(
                    f"{value:+.1%}" if is_share and value is not None else value
                    for value, is_share in zip(row, is_change, strict=True)
                )
                for row in rows
            ]
        print_rows(
            columns,
            rows,
            output,
            f"{asked['gpu']}, {asked['purchase']}, {moment(connection, past)}:"
            " index of list prices, USD per GPU and hour",
        )
        if not rows and output in (None, "table"):
            click.echo(f"No provider was heard {purchase}; of all: {days_with_index(connection)}.")


VALUE = """market_family, nullif(commitment_months, 0) as months, day, usd_per_gpu_hour,
    p10_usd_per_gpu_hour as p10, p90_usd_per_gpu_hour as p90,
    provider_count as providers, n_trimmed as trimmed"""
NEWEST = f"""
with newest as (
    select * replace (coalesce(commitment_months, 0) as commitment_months)
    from marts.gpu_price_index where gpu_id = $gpu and purchase_model = $purchase
    qualify row_number() over (partition by market_family, commitment_months order by day desc) = 1
),
moved as (
    select market_family, commitment_months,
        {
    ", ".join(
        f"max(change_fraction) filter (horizon_days = {n}) as change_{n}_days" for n in HORIZONS
    )
},
        max(movers) filter (horizon_days = 30) as moved_in_30_days
    from marts.gpu_price_change where gpu_id = $gpu and purchase_model = $purchase
    group by market_family, commitment_months
)
select {VALUE}, {", ".join(f"change_{n}_days" for n in HORIZONS)}, moved_in_30_days,
    withheld_reason
from newest
left join (select * replace (coalesce(commitment_months, 0) as commitment_months) from moved) as m
    using (market_family, commitment_months)
order by market_family, months
"""


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
