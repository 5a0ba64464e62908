"""``truecost quote``: the cheapest providers for a number of GPUs and months."""

from __future__ import annotations

import click

from pipelines.answers import offers as known
from pipelines.answers import quote as answers
from pipelines.answers.as_of import Past
from pipelines.commands.amounts import AMOUNT
from pipelines.commands.answer import print_rows, print_sentence
from pipelines.commands.arguments import AtLeast
from pipelines.commands.opening import (
    answer_options,
    gpu_meant,
    moment,
    one_of,
    published,
)

PURCHASE_MODELS = ("on_demand", "reserved", "capacity_block", "spot")


@click.command()
@click.option("--gpu", required=True, help="An id of core.gpu, such as H100-SXM-80GB.")
@click.option("-n", "--count", "gpu_count", type=AtLeast(1), required=True, help="GPUs.")
@click.option(
    "--months", "months_wanted", type=AMOUNT, default=1.0, show_default=True, help="How long."
)
@click.option(
    "--purchase",
    "purchase_model",
    type=click.Choice(PURCHASE_MODELS),
    help="Only this purchase model. Default: all but spot.",
)
@click.option("--provider", help="Only this provider, e.g. aws.")
@click.option("--area", help="Only this part of the world, e.g. europe.")
@click.option("--every-contract", is_flag=True, help="Each contract, not only the cheapest.")
@click.option(
    "--separate-machines",
    "with_separate",
    is_flag=True,
    help="Also machines that nothing stated joins.",
)
@click.option(
    "--limit", "row_limit", type=AtLeast(1), default=5, show_default=True, help="Providers."
)
@answer_options
def quote(
    gpu: str,
    gpu_count: int,
    months_wanted: float,
    purchase_model: str | None,
    provider: str | None,
    area: str | None,
    every_contract: bool,
    with_separate: bool,
    row_limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a number of GPUs for some months costs, at the cheapest providers.

    Whole instances are taken, or single GPUs where a provider has a price by the GPU. A reservation
    is paid for whole terms: three months on a term of twelve cost twelve.

    \b
    truecost quote --gpu H100-SXM-80GB -n 64 --months 3
    truecost quote --gpu A100-SXM-80GB -n 8 --purchase reserved --every-contract --json
    """
    with published(past) as connection:
        asked = answers.QuoteAsked(
            gpu_id=gpu_meant(connection, gpu),
            gpu_count=gpu_count,
            months_wanted=months_wanted,
            purchase_model=purchase_model,
            provider_id=one_of("provider", provider, known.providers(connection))
            if provider
            else None,
            area=one_of("area", area, known.areas(connection)) if area else None,
            every_contract=every_contract,
            with_separate=with_separate,
            row_limit=row_limit,
        )
        found = answers.quote(connection, asked)
        is_table = output in (None, "table")
        unit = "month" if months_wanted == 1 else "months"
        title = (
            f"{gpu_count} x {asked.gpu_id} for {months_wanted:g} {unit},"
            f" {moment(connection, past)}: USD, lower is better"
        )
        shown = answers.for_people(found) if is_table else found
        print_rows(shown.columns, shown.rows, output, title)
        if is_table:
            print_sentence(
                answers.EXCLUDED if found.rows else known.standing(connection, asked.gpu_id)
            )
