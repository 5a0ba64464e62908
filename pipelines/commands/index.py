"""``truecost index`` and ``verify index``: the price index of a GPU, and a day of it recomputed."""

from __future__ import annotations

from datetime import date

import click

from pipelines.answers import index as answers
from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows, print_sentence
from pipelines.commands.basis import (
    data_center_option,
    min_providers_option,
    one_market_option,
    purchase_option,
    refuse_other_class,
)
from pipelines.commands.currency import currency_option
from pipelines.commands.opening import gpu_meant, moment, past_options, published


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
        raise Refused(f"{what} {text!r} is not a day; give YYYY-MM-DD") from error


@click.command()
@click.argument("gpu")
@purchase_option
@one_market_option
@min_providers_option
@data_center_option
@currency_option
@past_options
@format_option
def index(
    gpu: str,
    purchase_model: str,
    market_family: str | None,
    min_providers: int,
    is_data_center_only: bool,
    past: Past | None,
    output: str | None,
) -> None:
    """Print the price index of GPU by market family, how far it moved, and who moved it.

    Families and parts of the world are never mixed. With fewer than three independent providers the
    value is withheld, and the reason is printed. change_* is what the offers did that stood 7, 30,
    90 or 365 days before, too; same_offers_* chains such changes over months. Only they can say
    that prices moved: sellers that come or go move the index itself (index_change_30_days).

    \b
    truecost index H100-SXM-80GB
    truecost index H100-SXM-80GB --purchase spot --json
    truecost index H100-SXM-80GB --market neocloud --min-providers 5
    truecost index H100-SXM-80GB --as-of 2026-08-01 --known-on 2026-08-02
    """
    with published(past) as connection:
        gpu_id = gpu_meant(connection, gpu)
        refuse_other_class(connection, gpu_id, is_data_center_only)
        found = answers.index(connection, gpu_id, purchase_model, market_family, min_providers)
        is_table = output in (None, "table")
        rows = found.rows
        if is_table:
            is_change = [
                name.startswith(("change_", "index_change_", "same_offers_"))
                and name != "same_offers_until"
                for name in found.columns
            ]
            rows = [
                tuple(
                    f"{value:+.1%}" if is_share and value is not None else value
                    for value, is_share in zip(row, is_change, strict=True)
                )
                for row in rows
            ]
        print_rows(
            found.columns,
            rows,
            output,
            f"{gpu_id}, {purchase_model}, {moment(connection, past)}:"
            " index of list prices, USD per GPU and hour",
        )
        if not rows and is_table:
            print_sentence(
                f"No provider has a price for {purchase_model};"
                f" {answers.days_with_index(connection)}."
            )


@click.command()
@click.option("--day", "day_text", help="The day (YYYY-MM-DD); the newest where not given.")
def verify_index(day_text: str | None) -> None:
    """Recompute the price index of a day, and compare.

    Every revision is recomputed from the inputs stored with it, and the inputs from the offers
    that were believed when it was made. Ends with status 1 and one line for each difference.

    \b
    truecost verify index --day 2026-08-10
    """
    from pipelines.answers.verify_index import check_index

    day = day_of(day_text, "--day") if day_text else None
    with published() as connection:
        if day is None:
            _, day, _ = answers.days(connection)
        check = check_index(connection, day) if day else None
        if check is None or not check.values:
            raise Refused(f"no index on {day_text}; {answers.days_with_index(connection)}")
    print_sentence(
        f"{day}: {check.values} values of the index recomputed from {check.inputs} inputs,"
        f" {len(check.wrong)} wrong."
    )
    for line in check.wrong:
        click.echo(f"truecost verify index: {line}", err=True)
    if check.wrong:
        raise SystemExit(1)
