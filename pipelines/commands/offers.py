"""``truecost offers``: the cheapest like-for-like offers of one GPU, today or on a past day."""

from __future__ import annotations

import click

from pipelines.answers import offers as answers
from pipelines.answers.as_of import Past
from pipelines.answers.price_corrections import corrections
from pipelines.commands.answer import print_rows, print_sentence
from pipelines.commands.arguments import AtLeast, Renamed
from pipelines.commands.opening import (
    answer_options,
    gpu_meant,
    moment,
    one_of,
    published,
)

PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")


@click.command()
@click.argument("gpu")
@click.option("-n", "--count", "gpu_count", type=AtLeast(1), help="GPUs in one instance.")
@click.option(
    "--purchase",
    "purchase_model",
    type=click.Choice([*PURCHASE_MODELS, "all"]),
    default="on_demand",
    show_default=True,
    help="Purchase model.",
)
@click.option(
    "--commitment-months",
    cls=Renamed,
    formerly=("--months",),
    type=AtLeast(1),
    help="Only reservations of this many months.",
)
@click.option("--provider", help="Only this provider, e.g. aws.")
@click.option("--area", help="Only this area, e.g. europe.")
@click.option(
    "--include-stale",
    is_flag=True,
    help="Also stale offers, not seen for 72 hours or twice the cadence of their source.",
)
@click.option("--all", "is_all", is_flag=True, help="Also offers that a better source prices.")
@click.option("--limit", type=AtLeast(1), default=15, show_default=True)
@answer_options
def offers(
    gpu: str,
    gpu_count: int | None,
    purchase_model: str,
    commitment_months: int | None,
    provider: str | None,
    area: str | None,
    include_stale: bool,
    is_all: bool,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print the cheapest standing offers of GPU, cheapest first, with age and source.

    GPU is an id of core.gpu, such as H100-SXM-80GB; PCIe, SXM and NVL are different things and are
    never mixed. Prices are list prices in USD per GPU and hour.

    \b
    truecost offers H100-SXM-80GB -n 8
    truecost offers a100-pcie-80gb --purchase spot --json
    truecost offers H100-SXM-80GB --as-of 2026-08-01 --known-on 2026-08-02
    """
    with published(past) as connection:
        asked = answers.OffersAsked(
            gpu_id=gpu_meant(connection, gpu),
            gpu_count=gpu_count,
            purchase_model=None if purchase_model == "all" else purchase_model,
            commitment_months=commitment_months,
            provider_id=one_of("provider", provider, answers.providers(connection))
            if provider
            else None,
            area=one_of("area", area, answers.areas(connection)) if area else None,
            include_stale=include_stale,
            with_witnesses=is_all,
            row_limit=limit,
        )
        found = answers.offers(connection, asked)
        is_table = output in (None, "table")
        shown = answers.for_people(found, asked) if is_table else found
        title = f"{asked.gpu_id}, {purchase_model}, {moment(connection, past)}"
        print_rows(shown.columns, shown.rows, output, f"{title}: list prices, USD, lower is better")
        if is_table and "correction_id" in shown.columns:
            place = shown.columns.index("correction_id")
            for one in corrections(connection, [row[place] for row in shown.rows]):
                print_sentence(f"Corrected: {one['sentence']}.")
        if not found.rows:
            print_sentence(answers.would_leave(connection, asked), err=not is_table)
