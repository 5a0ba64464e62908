"""``truecost bill``: how far above the market a bill is, by service and region."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from pipelines.commands import Refused
from pipelines.commands.answer import cell, format_option, print_rows
from pipelines.commands.published import moment, past_options, published
from pipelines.past import Past

HIDDEN = ("purchase_model", "paid_usd", "provider_count", "market", "items")  # from people only


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--export", "name", help="Also write the answer as CSV under this name.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="The folder that exports go to; a name that leads out of it is refused.",
)  # fmt: skip
@past_options
@format_option
def bill(file: Path, name: str | None, folder: Path, past: Past | None, output: str | None) -> None:
    """Put FILE, a cost file in FOCUS columns, beside the market.

    FILE is CSV or Parquet as clouds and FinOps tools export it (FOCUS 1.0 to 1.3). Each item with a
    GPU is held against the index of its provider's market family on its day, or against the median
    of all families where that is withheld. What cannot be compared is listed with the reason. Bills
    hold what was paid, the index what is asked: a discount shows as a negative distance.

    \b
    truecost bill focus.csv
    truecost bill focus.parquet --export above.csv --folder reports
    """
    from pipelines.bill import BillError, compare, export_path, total

    try:
        target = export_path(folder, name) if name else None
        with published(past) as connection:
            found = compare(connection, file)
            then = moment(connection, past)
    except BillError as error:
        raise Refused(str(error)) from error
    paid, market = total(found)
    against = f"{paid / market - 1:+.1%} against the market" if market else "nothing to compare"
    hidden = () if output in ("json", "csv") else HIDDEN
    keep = [number for number, column in enumerate(found.columns) if column not in hidden]
    print_rows(
        [found.columns[number] for number in keep],
        [[row[number] for number in keep] for row in found.rows],
        output,
        f"{found.is_compared} of {found.items} items compared, {then}: {against}"
        f" ({paid:,.0f} USD paid, {market:,.0f} USD at its prices)",
    )
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(found.columns)
            writer.writerows([cell(value) for value in row] for row in found.rows)
        click.echo(f"written to {target}", err=True)
