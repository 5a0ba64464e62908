"""``truecost reserve``: what to reserve for a job or a changing load, and for how long.

The answers are made in ``pipelines.answers.reserve``, imported when the command runs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.amounts import (
    AMOUNT,
    CLUSTER,
    answering,
    known_gpu,
)
from pipelines.commands.answer import print_rows
from pipelines.commands.arguments import AtLeast, FiniteRange, Renamed, is_typed
from pipelines.commands.basis import (
    data_center_option,
    min_providers_option,
    one_market_option,
    one_provider_option,
    provider_meant,
    refuse_other_class,
    region_option,
)
from pipelines.commands.opening import answer_options, moment, published
from pipelines.commands.reserve_tables import print_plans, print_terms

if TYPE_CHECKING:
    from cost_engine.load import Load
    from pipelines.answers.burst import Burst
    from warehouse.database import Connection

HOURS_PER_DAY = 24.0


@click.command()
@click.option("--job-months", type=AMOUNT, help="How long it is needed.")
@click.option(
    "--commitment-months",
    cls=Renamed,
    formerly=("--term-months",),
    type=AMOUNT,
    multiple=True,
    help="Only these terms. Default: all on offer; 12 and 36 without --gpu.",
)
@click.option(
    "--resale",
    "resale_fraction",
    type=FiniteRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of its price that a month brings in which a reserved GPU is sublet.",
)
@click.option("--gpu", help="An id of core.gpu; without one only the multiplier is printed.")
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, default=1, help="GPUs, at the peak.")
@click.option("--base-gpus", type=AtLeast(0), help="GPUs needed outside the peak.")
@click.option(
    "--peak-hours-per-day", type=FiniteRange(0, HOURS_PER_DAY), help="How long the peak is a day."
)
@click.option(
    "--ramp-months", type=FiniteRange(0), default=0.0, help="Months in which the need grows to it."
)
@click.option(
    "--load",
    "load_file",
    type=click.Path(path_type=Path),
    help="CSV of the load, repeated to the end: gpu_count, and hours where a step is not one.",
)
@click.option("--on-demand-price", "on_demand_usd_per_gpu_hour", type=AMOUNT, help="[USD/(GPU h)]")
@click.option("--reserved-price", "reserved_usd_per_gpu_hour", type=AMOUNT, help="[USD/(GPU h)]")
@click.option(
    "--spot-overhead-factor",
    type=FiniteRange(1),
    help="The peak may be on spot; hours paid there per hour of work.",
)
@click.option("--burst-gpu", help="The peak may be on this card.")
@click.option("--burst-cards-per-gpu", type=AMOUNT, help="Cards that replace one GPU.")
@region_option
@one_market_option
@one_provider_option
@min_providers_option
@data_center_option
@click.option("--terms", "only_terms", is_flag=True, help="Print the term structure instead.")
@answer_options
def reserve(
    job_months: float | None,
    commitment_months: tuple[float, ...],
    resale_fraction: float,
    gpu: str | None,
    gpu_count: int,
    base_gpus: int | None,
    peak_hours_per_day: float | None,
    ramp_months: float,
    load_file: Path | None,
    on_demand_usd_per_gpu_hour: float | None,
    reserved_usd_per_gpu_hour: float | None,
    spot_overhead_factor: float | None,
    burst_gpu: str | None,
    burst_cards_per_gpu: float | None,
    reference_region: str,
    market_family: str | None,
    provider_id: str | None,
    min_providers: int,
    is_data_center_only: bool,
    only_terms: bool,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a reservation costs a job, and the cheapest mix with renting by the hour.

    Each provider that reserves the GPU is asked for its own prices of one machine: all on demand,
    all reserved for each term, and the cheapest mix. A job longer than a term takes whole terms,
    or ends on demand. For comparison: on demand elsewhere. Low and high are an 80 % interval: a
    reservation locks its price, a price by the hour moves.

    \b
    truecost reserve --job-months 2 --commitment-months 24
    truecost reserve --gpu H100-SXM-80GB -n 64 --job-months 18
    truecost reserve --gpu H100-SXM-80GB -n 64 --base-gpus 16 --peak-hours-per-day 8 --job-months 36
    truecost reserve --gpu H100-SXM-80GB --load load.csv --burst-gpu L40S --job-months 12
    truecost reserve --gpu H100-SXM-80GB --terms
    """
    from pipelines.answers import reserve as answers

    if only_terms:
        print_terms(gpu, reference_region, past, output, is_data_center_only=is_data_center_only)
        return
    if job_months is None:
        raise Refused("--job-months is missing: how long the capacity is needed")
    is_given = bool(on_demand_usd_per_gpu_hour and reserved_usd_per_gpu_hour)
    if gpu is None and not is_given:
        _refuse_without_gpu(past)
        with answering():
            rows = answers.multipliers(job_months, commitment_months, resale_fraction)
        print_rows(
            list(rows[0]),
            [list(row.values()) for row in rows],
            output,
            f"a job of {job_months:g} months: paid over used",
        )
        return
    if past is not None and is_given:
        raise Refused("--as-of beside both prices: no price is asked for")
    if reserved_usd_per_gpu_hour and not is_given:
        raise Refused("--reserved-price needs --on-demand-price: what it is compared with")
    if burst_cards_per_gpu and not burst_gpu:
        raise Refused("--burst-cards-per-gpu needs --burst-gpu: the card that it counts")
    with answering():
        load = _load(gpu_count, base_gpus, peak_hours_per_day, ramp_months, load_file, job_months)
        asked = answers.Asked(
            load, job_months, commitment_months, resale_fraction, market_family, None, min_providers
        )
        if is_given and on_demand_usd_per_gpu_hour and reserved_usd_per_gpu_hour:
            rows = answers.given_plans(asked, reserved_usd_per_gpu_hour, on_demand_usd_per_gpu_hour)
            what = " GPU at given prices"
        else:
            with published(past) as connection:
                gpu_id = known_gpu(connection, str(gpu))
                for card in (gpu_id, *([known_gpu(connection, burst_gpu)] if burst_gpu else ())):
                    refuse_other_class(connection, card, is_data_center_only)
                seller = provider_meant(connection, provider_id)
                rows = answers.tracked_plans(
                    connection,
                    gpu_id,
                    replace(asked, provider_id=seller),
                    reference_region,
                    on_demand_usd_per_gpu_hour,
                    _burst(connection, gpu_id, burst_gpu, burst_cards_per_gpu, reference_region),
                    spot_overhead_factor,
                )
                what = f" x {gpu_id} in {reference_region}, {moment(connection, past)}"
    print_plans(rows, load, job_months, what, output)


def _load(
    gpu_count: int,
    base_gpus: int | None,
    peak_hours_per_day: float | None,
    ramp_months: float,
    load_file: Path | None,
    job_months: float,
) -> Load:
    """Return the load that the options describe, or refuse what contradicts itself."""
    from cost_engine.load import load_of
    from pipelines.answers.load_file import read_load

    if load_file is not None:
        if base_gpus is not None or peak_hours_per_day is not None or is_typed("gpu_count"):
            raise Refused("--load says how many GPUs are needed: leave out -n and the peak")
        counts, hours = read_load(load_file)
        return load_of(counts, job_months, hours, ramp_months)
    if (base_gpus is None) != (peak_hours_per_day is None):
        raise Refused("--base-gpus and --peak-hours-per-day describe a peak together: give both")
    if base_gpus is None or peak_hours_per_day is None or peak_hours_per_day == HOURS_PER_DAY:
        return load_of([gpu_count], job_months, [HOURS_PER_DAY], ramp_months)
    if base_gpus > gpu_count:
        raise Refused(f"--base-gpus {base_gpus} is more than the peak, -n {gpu_count}")
    if peak_hours_per_day == 0:
        return load_of([base_gpus], job_months, [HOURS_PER_DAY], ramp_months)
    hours = [HOURS_PER_DAY - peak_hours_per_day, peak_hours_per_day]
    return load_of([base_gpus, gpu_count], job_months, hours, ramp_months)


def _burst(
    connection: Connection,
    gpu_id: str,
    burst_gpu: str | None,
    cards_per_gpu: float | None,
    reference_region: str,
) -> Burst | None:
    from pipelines.answers.burst import replacing_card

    if burst_gpu is None:
        return None
    card = known_gpu(connection, burst_gpu)
    return replacing_card(connection, gpu_id, card, reference_region, cards_per_gpu)


def _refuse_without_gpu(past: Past | None) -> None:
    """Refuse options that need a price where no GPU is named."""
    if past is not None:
        raise Refused("--as-of needs --gpu: without one no price is asked for")
    needing = {
        "gpu_count": "-n", "base_gpus": "--base-gpus", "peak_hours_per_day": "--peak-hours-per-day",
        "ramp_months": "--ramp-months", "load_file": "--load", "burst_gpu": "--burst-gpu",
        "spot_overhead_factor": "--spot-overhead-factor", "market_family": "--market",
        "provider_id": "--provider",
        "is_data_center_only": "--data-center-only",
        "on_demand_usd_per_gpu_hour": "--on-demand-price",
        "reserved_usd_per_gpu_hour": "--reserved-price",
    }  # fmt: skip
    for name, option in needing.items():
        if is_typed(name):
            raise Refused(f"{option} needs --gpu, or --on-demand-price and --reserved-price")
