"""``truecost flop``: what a floating-point operation, a gigabyte and a watt cost to rent."""

from __future__ import annotations

import click

from pipelines.answers import flop as answers
from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.arguments import AtLeast
from pipelines.commands.basis import basis_meant, basis_options, print_ranked
from pipelines.commands.opening import (
    answer_options,
    gpu_meant,
    moment,
    one_of,
    published,
)
from pipelines.derive.price_basis import PriceBasis

SHOWN = (
    "gpu_id",
    "precision",
    "usd_per_gpu_hour",
    "usd_per_exaflop_peak",
    "usd_per_exaflop_effective",
    "low",
    "high",
    "utilisation_fraction",
    "usd_per_gigabyte_hour",
    "usd_per_terabyte_per_second_hour",
    "provider_count",
)


@click.command()
@click.argument("gpu", required=False)
@click.option("--precision", help="Number format, e.g. bf16, fp8. Default: bf16, or all for a GPU.")
@basis_options
@click.option("--limit", type=AtLeast(1), default=30, show_default=True)
@answer_options
def flop(
    gpu: str | None,
    precision: str | None,
    basis: PriceBasis,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print USD per 10^18 dense operations, per GB-hour and per TB/s-hour, cheapest first.

    Peak prices the vendor's dense peak; effective divides by the utilisation that runs reach. Low
    and high take in what the next seller asks and the range of utilisation. Sparse peaks are never
    used. GPUs of too few providers, and prices of another market, are listed apart.

    \b
    truecost flop                      # every GPU, BF16
    truecost flop H100-SXM-80GB        # every precision of one
    truecost flop --precision fp8 --purchase spot --json
    truecost flop --market marketplace --min-providers 2
    truecost flop --as-of 2026-08-01
    """
    with published(past) as connection:
        basis = basis_meant(connection, basis)
        gpu_id = None if gpu is None else gpu_meant(connection, gpu)
        if precision is not None:
            precision = one_of("precision", precision, answers.precisions(connection))
        elif gpu is None:
            precision = "bf16"
        rows = answers.flop(connection, basis, gpu_id=gpu_id, precision=precision, row_limit=limit)
        then = moment(connection, past)
    if not rows:
        what = gpu or f"{precision} on any GPU"
        raise Refused(f"no fresh price of {what}, {basis}, or no dense peak; see truecost offers")
    title = (
        f"USD per 10^18 dense operations, {basis}, {then}; low and high bound the effective price"
    )
    print_ranked(SHOWN, rows, output, title, basis)
