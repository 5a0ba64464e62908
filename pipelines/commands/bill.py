"""``truecost bill``: how far above the market a bill is, by service and region."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.answer import cell, money, print_rows
from pipelines.commands.arguments import AtLeast
from pipelines.commands.handover import home_asked
from pipelines.commands.opening import (
    answer_options,
    moment,
    moment_asked,
    published,
    told_at,
)
from pipelines.commands.prices import book_prices
from pipelines.commands.targets import force_option, new_target, refuse_existing
from warehouse.database import DataFolderError
from warehouse.files import OutsideFolderError, inside

HIDDEN = ("purchase_model", "paid_usd", "provider_count", "market", "items")  # from people only


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--export", "name", help="Also write the answer as CSV under this name.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="The folder that exports go to; a name that leads out of it is refused.",
)  # fmt: skip
@force_option
@click.option(
    "--tokens",
    "is_by_token",
    is_flag=True,
    help="Compare what AI services bill by the token with list prices, in place of GPUs.",
)
@click.option(
    "--max-seconds",
    type=click.IntRange(1, 86_400),
    default=120,
    show_default=True,
    help="Give up on a file that takes longer.",
)
@click.option(
    "--max-memory-mib",
    type=AtLeast(64),
    default=2048,
    show_default=True,
    help="Give up on a file that needs more memory.",
)
@answer_options
def bill(
    file: Path,
    name: str | None,
    folder: Path,
    force: bool,
    is_by_token: bool,
    max_seconds: int,
    max_memory_mib: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Compare FILE, a bill of a cloud, with the market.

    FILE is CSV or Parquet: FOCUS 1.0 to 1.4, or what AWS (cost and usage report), Azure (cost
    details) and Google Cloud (billing export) write; its columns tell which. Costs are in US
    dollars, commitments spread over their use. Corrections, credits and refunds are netted. Unused
    capacity stands apart.

    Each item with a GPU is held against the index of its provider's market family, the same family
    on every day, or against the median of all families where that is withheld. A day without a
    value takes the nearest within a month, the last before it first: market_gap_days is the
    longest such gap. What cannot be compared is listed with the reason. Bills hold what was paid,
    the index what is asked: a discount shows as a negative distance. With --prices, what the price
    book prices on the day of a charge is held against that instead.

    With --tokens, input, output and cached tokens of AI services stand beside the list price of
    the provider on the day of the charge, and beside the cheapest provider of the same model.

    \b
    truecost bill focus.csv
    truecost bill focus.csv --tokens
    truecost bill cur.parquet --json
    truecost bill focus.parquet --export above.csv --folder reports
    """
    from pipelines.answers.bill import compare, total, unused
    from pipelines.answers.bill_columns import BillError

    try:
        target = folder / name if name else None
        if name and target is not None:
            inside(folder, name)
            refuse_existing(target, force)
        with published(past) as connection:
            then = moment(connection, past)
            own = book_prices(connection, told_at(moment_asked(connection, past)))
        found = compare(
            home_asked(), file, past, prices=own, is_by_token=is_by_token,
            memory_bytes=max_memory_mib * 2**20, seconds=max_seconds,
        )  # fmt: skip
    except (BillError, OutsideFolderError, DataFolderError) as error:
        raise Refused(str(error)) from error
    paid, market = total(found)
    beside_what = "list prices" if is_by_token else "the market"
    against = f"{paid / market - 1:+.1%} against {beside_what}" if market else "nothing to compare"
    idle = unused(found)
    beside = f"; {money(idle, 0)} for capacity that was not used" if idle else ""
    hidden = () if output in ("json", "csv") else HIDDEN
    keep = [number for number, column in enumerate(found.columns) if column not in hidden]
    print_rows(
        [found.columns[number] for number in keep],
        [[row[number] for number in keep] for row in found.rows],
        output,
        f"{found.is_compared} of {found.items} items compared, {then}: {against}"
        f" ({money(paid, 0)} paid, {money(market, 0)} at its prices{beside})",
    )
    if target is not None:
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows([cell(value) for value in row] for row in found.rows)
        with new_target(target, force) as exported:
            exported.write(lines.getvalue().encode())
        click.echo(f"written to {target}", err=True)
