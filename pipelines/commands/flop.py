"""``truecost flop``: what a floating-point operation, a gigabyte and a watt cost to rent."""

from __future__ import annotations

import click

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.offers import PURCHASE_MODELS
from pipelines.commands.published import moment, one_of, past_options, published
from pipelines.past import Past


@click.command()
@click.argument("gpu", required=False)
@click.option("--precision", help="Number format, e.g. bf16, fp8. Default: bf16, or all for a GPU.")
@click.option("--purchase", type=click.Choice(PURCHASE_MODELS), default="on_demand")
@click.option("--months", type=click.IntRange(1), help="Length of a reservation.")
@click.option("--market", default="all", show_default=True, help="Market family.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@past_options
@format_option
def flop(
    gpu: str | None,
    precision: str | None,
    purchase: str,
    months: int | None,
    market: str,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print USD per 10^18 dense operations, per GB-hour and per TB/s-hour, cheapest first.

    Peak prices the vendor's dense peak; effective divides by the utilisation that runs reach. Low
    and high take in the spread of prices and the range of utilisation. Sparse peaks are never used.

    \b
    truecost flop                      # every GPU, BF16
    truecost flop H100-SXM-80GB        # every precision of one
    truecost flop --precision fp8 --purchase spot --json
    truecost flop --as-of 2026-08-01
    """
    with published(past) as connection:

        def known(column: str) -> list[str]:
            return [
                str(name)
                for (name,) in connection.execute(
                    f"select distinct {column} from marts.cost_per_flop order by 1"
                ).fetchall()
            ]

        conditions = {"purchase_model = ?": purchase}
        conditions["market_family = ?"] = one_of("market", market, known("market_family"))
        if gpu is not None:
            ids = connection.execute("select gpu_id from core.gpu").fetchall()
            conditions["gpu_id = ?"] = one_of("GPU", gpu, (name for (name,) in ids))
        if precision is not None:
            conditions["precision = ?"] = one_of("precision", precision, known("precision"))
        elif gpu is None:
            conditions["precision = ?"] = "bf16"
        if purchase == "reserved" and months is not None:
            conditions["commitment_months = ?"] = str(months)
        days = known("day")
        if not days:
            raise Refused("there is no price yet; truecost run")
        conditions["day = ?"] = days[-1]
        answer = connection.execute(
            "select gpu_id, precision, day, usd_per_gpu_hour, usd_per_exaflop_peak,"
            " usd_per_exaflop_effective, low, high, utilisation_fraction, usd_per_gigabyte_hour,"
            " usd_per_terabyte_per_second_hour, provider_count"
            f" from marts.cost_per_flop where {' and '.join(conditions)}"
            " order by usd_per_exaflop_effective limit ?",
            [*conditions.values(), limit],
        )
        columns = [column[0] for column in answer.description or []]
        rows = answer.fetchall()
        then = moment(connection, past)
    if not rows and gpu is not None:
        raise Refused(
            f"no {purchase} price or no dense peak is known for {gpu}; see truecost offers"
        )
    title = (
        f"USD per 10^18 dense operations, {purchase}, {then};"
        " low and high bound the effective price"
    )
    print_rows(columns, rows, output, title)
