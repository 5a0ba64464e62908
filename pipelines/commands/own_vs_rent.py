"""``truecost own-vs-rent``: own GPUs or rent them, with bands.

The answer is made in ``pipelines.answers.own``, imported when the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands.amounts import (
    AMOUNT,
    CLUSTER,
    DEFAULT_GPU,
    answering,
    day_of,
    known_gpu,
    print_assumptions,
    published_or_none,
)
from pipelines.commands.answer import print_document, print_rows, print_sentence, print_table
from pipelines.commands.arguments import FiniteRange, Renamed
from pipelines.commands.basis import (
    basis_meant,
    basis_options,
    given,
    price_option,
    refuse_price_and_basis,
)
from pipelines.commands.opening import answer_options, documents_of
from pipelines.commands.settings import set_option, settings_of
from pipelines.derive.price_basis import PriceBasis

_BANDS = (
    ("owned_usd_per_gpu_hour", "low", "high", "USD/(GPU h)"),
    (
        "break_even_utilisation_fraction",
        "break_even_utilisation_low",
        "break_even_utilisation_high",
        "1",
    ),
    ("break_even_month", "break_even_month_low", "break_even_month_high", "month"),
    (
        "break_even_spend_usd_per_year",
        "break_even_spend_low",
        "break_even_spend_high",
        "USD/year",
    ),
)
"""Figure of the answer, the ends of its band, and its unit."""


@click.command("own-vs-rent")
@click.option("--gpu", default=DEFAULT_GPU, show_default=True, help="An id of core.gpu.")
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, default=1024, show_default=True)
@price_option
@basis_options
@click.option("--purchase-usd", type=AMOUNT, help="One GPU with its share of a server. [USD]")
@click.option(
    "--fleet-utilisation-fraction",
    cls=Renamed,
    formerly=("--utilisation",),
    type=AMOUNT,
    help="Hours that the owner uses, 0 to 1.",
)
@click.option("--lifetime-years", type=AMOUNT)
@click.option("--interest", "interest_fraction", type=FiniteRange(0, 1), help="A year, 0 to 1.")
@click.option("--usd-per-kwh", type=AMOUNT, help="Electricity.")
@click.option(
    "--board-power-watts",
    cls=Renamed,
    formerly=("--watts",),
    type=AMOUNT,
    help="Board power of one GPU.",
)
@click.option("--country", default="US", show_default=True)
@set_option
@answer_options
def own_vs_rent(
    gpu: str,
    gpu_count: int,
    usd_per_gpu_hour: float | None,
    basis: PriceBasis,
    purchase_usd: float | None,
    fleet_utilisation_fraction: float | None,
    lifetime_years: float | None,
    interest_fraction: float | None,
    usd_per_kwh: float | None,
    board_power_watts: float | None,
    country: str,
    settings: Sequence[str],
    past: Past | None,
    output: str | None,
) -> None:
    """Print what owning GPUs costs an hour against renting, and where it breaks even, as a band.

    \b
    truecost own-vs-rent --gpu H100-SXM-80GB --gpus 4096
    truecost own-vs-rent --as-of 2026-08-01
    truecost own-vs-rent --gpus 64 --set team_usd_per_year=0 --set pue=1.2 --set residual_fraction=0
    truecost own-vs-rent --gpu "RTX 3080 Ti" -n 2 --purchase-usd 1200 --price 0.2
    truecost own-vs-rent --price 2.2 --purchase-usd 28000 --fleet-utilisation-fraction 0.8 --json
    """
    from pipelines.answers.gpu_facts import gpu_price
    from pipelines.answers.own import ownership_answer, refuse_impossible, settable

    typed = {
        "fleet_utilisation_fraction": fleet_utilisation_fraction,
        "lifetime_years": lifetime_years,
        "interest_fraction": interest_fraction,
        "usd_per_gpu_hour": usd_per_gpu_hour,
        "purchase_usd": purchase_usd,
        "usd_per_kwh": usd_per_kwh,
        "board_power_watts": board_power_watts,
    }
    chosen = {name: value for name, value in typed.items() if value is not None}
    # A price can also be set by name.
    is_needed = not any(name.startswith("usd_per_gpu_hour") for name in (*chosen, *settings))
    with answering(), published_or_none(past, is_needed=is_needed) as connection:
        documents = documents_of(connection)
        fixed = chosen | settings_of(settings, settable(documents), typed)
        gpu = known_gpu(connection, gpu)
        refuse_impossible(fixed)
        own = given(fixed.get("usd_per_gpu_hour"), gpu)
        refuse_price_and_basis(fixed.get("usd_per_gpu_hour"))
        rental = own or gpu_price(connection, gpu, basis_meant(connection, basis))
        answer = ownership_answer(
            gpu,
            gpu_count,
            rental,
            day_of(past),
            documents,
            country=country,
            fixed=fixed,
        )
    if output == "json":
        print_document(answer)
        return
    assumptions, cases = answer.pop("assumptions"), answer.pop("cases")
    if output == "csv":
        print_rows(list(answer), [list(answer.values())], "csv")
        return
    _print(answer)
    names = ("owned_usd_per_gpu_hour", "low", "high", "break_even_utilisation_fraction",
             "break_even_month")  # fmt: skip
    print_table(
        ("case", "GPUs", "owned_usd_per_gpu_hour", "low", "high", "break_even_utilisation",
         "break_even_month"),
        [(row["case"], row["gpu_count"], *(row[name] for name in names)) for row in cases],
        "where they stand (90 % band; a dash is never)",
    )  # fmt: skip
    print_assumptions(assumptions, ("value", "low", "high", "unit", "source"))


def _print(answer: Mapping[str, Any]) -> None:
    print_table(
        ("", "central", "low", "high", "unit"),
        [
            (
                "rent",
                answer["rental_usd_per_gpu_hour"],
                answer["rental_usd_per_gpu_hour_low"],
                answer["rental_usd_per_gpu_hour_high"],
                "USD/(GPU h)",
            ),
            *(
                (name.replace("_", " "), answer[name], answer[low], answer[high], unit)
                for name, low, high, unit in _BANDS
            ),
            (
                "rental bill of this cluster",
                answer["yearly_rental_bill_usd"],
                None,
                None,
                "USD/year",
            ),
        ],
        f"{answer['gpu_count']} x {answer['gpu_id']}: own or rent (90 % band; a dash is never)",
    )
    if answer["never_reason"]:
        print_sentence(f"Owning is never cheaper: {answer['never_reason']}.")
    share = answer["probability_owning_is_cheaper"]
    print_sentence(f"Owning is cheaper in {share:.0%} of the draws.")
    verdict = "lies inside" if answer["rule_50_million_is_in_band"] else "lies outside"
    print_sentence(
        "The rule of thumb that owning starts to pay above 50 million USD of rent a year"
        f" {verdict} our band."
    )
