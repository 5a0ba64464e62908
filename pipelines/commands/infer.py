"""``truecost infer``: what tokens of a model cost today, cheapest GPU set first.

Arguments in, a printed answer out. The answer is made by ``pipelines.answers.infer``, which is
imported when the command runs, so that the command line starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.amounts import print_assumptions
from pipelines.commands.answer import print_sentence
from pipelines.commands.arguments import AtLeast, FiniteRange, Renamed, is_typed
from pipelines.commands.basis import (
    basis_meant,
    basis_options,
    given,
    price_option,
    print_ranked,
    refuse_price_and_basis,
)
from pipelines.commands.opening import answer_options, moment, published
from pipelines.commands.serving import (
    answering,
    gpu_file_option,
    gpu_meant,
    model_file_option,
    model_meant,
    with_own_gpus,
)
from pipelines.commands.settings import set_option, settings_of
from pipelines.derive.price_basis import PriceBasis, basis_prices

SHOWN = (
    "gpu_id",
    "gpu_count",
    "precision",
    "usd_per_1m_tokens",
    "low",
    "high",
    "usd_per_1m_input_tokens",
    "usd_per_1m_output_tokens",
    "usd_per_gpu_hour",
    "provider_count",
    "set_provider_id",
    "set_usd_per_gpu_hour",
    "tokens_per_second_per_gpu",
    "concurrency",
    "time_to_first_token_seconds",
    "binding_limit",
    "is_extrapolated",
    "kwh_per_1m_tokens",
    "kg_co2e_per_1m_tokens",
)
THOUSANDS = {  # per 1,000 tokens in JSON and CSV, per 10^6 for people
    "usd_per_1m_tokens": "usd_per_1k_tokens",
    "low": "low",
    "high": "high",
    "usd_per_1m_input_tokens": "usd_per_1k_input_tokens",
    "usd_per_1m_output_tokens": "usd_per_1k_output_tokens",
    "usd_per_1m_tokens_at_load": "usd_per_1k_tokens_at_load",
}

THOUSAND = 1e3

SHOWN_UNDER_LOAD = (
    *SHOWN[:3],
    "replica_count",
    "utilisation_fraction",
    "usd_per_1m_tokens_at_load",
    "open_loop_time_per_output_token_seconds",
    "open_loop_time_to_first_token_seconds",
    "open_loop_time_to_first_token_high_seconds",
    *SHOWN[3:],
)
SERVING_MODES = ("aggregated", "disaggregated", "either")
POOL_COLUMNS = ("prefill_workers", "prefill_worker_gpus", "decode_workers", "decode_worker_gpus")
SHOWN_WITH_POOLS = (*SHOWN[:3], *POOL_COLUMNS, *SHOWN[3:])


def _own_factors(calibration: Path | None) -> dict[str, float]:
    """Return the factors of a calibration file, none without one."""
    from pipelines.answers.foreign_file import read_foreign
    from pipelines.derive.own_calibration import read_factors

    if calibration is None:
        return {}
    try:
        return read_foreign(calibration, read_factors, raises=[ValueError])
    except ValueError as error:
        raise Refused(f"{calibration}: {error}") from None


def _for_people(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with what a million tokens cost and take."""
    return {
        **row,
        **{
            name: None if row[of_thousand] is None else row[of_thousand] * THOUSAND
            for name, of_thousand in THOUSANDS.items()
        },
        # A watt hour per thousand is a kilowatt hour per million, and a gram a kilogram.
        "kwh_per_1m_tokens": row["watt_hours_per_1k_tokens"],
        "kg_co2e_per_1m_tokens": row["grams_co2e_per_1k_tokens"],
    }


@click.command()
@click.argument("model", required=False)
@model_file_option
@gpu_file_option
@price_option
@click.option("--gpu", help="Only this accelerator; every set of it is shown.")
@click.option("-n", "--count", "gpu_count", type=click.IntRange(1, 64), help="GPUs of a replica.")
@click.option("--precision", help="bf16, fp16, fp8, int8, fp4 or int4. Default: the cheapest.")
@click.option("--input", "input_tokens", type=AtLeast(1), default=3000, show_default=True)
@click.option("--output", "output_tokens", type=AtLeast(1), default=1000, show_default=True)
@click.option(
    "--cached",
    "cached_fraction",
    type=FiniteRange(0, 0.999),
    default=0.0,
    help="Share of the prompt that a prefix cache holds.",
)
@click.option(
    "--tokens-per-second-per-user",
    type=FiniteRange(0),
    default=25.0,
    show_default=True,
    help="Lowest pace of each user; 0: batch work, no user waits.",
)
@basis_options
@click.option(
    "--serving-mode",
    type=click.Choice(SERVING_MODES),
    default=SERVING_MODES[0],
    show_default=True,
    help="Each GPU does prefill and decodes, or separate pools of GPUs do.",
)
@click.option(
    "--fleet-utilisation-fraction",
    cls=Renamed,
    formerly=("--utilisation",),
    type=FiniteRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Mean over peak demand, for the provisioned cost and the energy.",
)
@click.option(
    "--requests-per-second",
    type=FiniteRange(0, 1e9, min_open=True),
    help="Load that arrives at random: how many replicas serve it, and how long users wait.",
)
@click.option(
    "--country",
    default="US",
    show_default=True,
    help="Whose grid feeds the GPUs; a state as US-VA.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Own measurements, as truecost calibrate wrote them.",
)
@set_option
@click.option("--limit", type=AtLeast(1), default=12, show_default=True)
@answer_options
def infer(
    model: str | None,
    model_file: Path | None,
    gpu_file: Path | None,
    usd_per_gpu_hour: float | None,
    gpu: str | None,
    gpu_count: int | None,
    precision: str | None,
    input_tokens: int,
    output_tokens: int,
    cached_fraction: float,
    tokens_per_second_per_user: float,
    basis: PriceBasis,
    serving_mode: str,
    fleet_utilisation_fraction: float,
    requests_per_second: float | None,
    country: str,
    calibration: Path | None,
    settings: tuple[str, ...],
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a million tokens of MODEL cost today, cheapest GPU set first.

    concurrency is the batch whose speed is quoted: the largest that fits and keeps the pace;
    unseen_error_at_concurrency (json) is the median error at such a batch on pairs not seen.
    usd_per_1k_tokens_provisioned (csv, json) counts the idle hours of a fleet sized for its peak.
    Speeds are of closed loops, in which each user sends one request after another;
    --requests-per-second answers for requests that arrive at random (no measured row confirms it).
    csv and json give costs for a thousand tokens.
    Separate pools for prefill and decoding are planned up to 72 GPUs; their error is larger.
    low and high span 80 %: what the next seller asks, and the model's own error. A set is one that
    set_provider_id offers, the cheapest at set_usd_per_gpu_hour; usd_per_gpu_hour is the middle of
    the market, or that offer where it is more. GPUs of too few providers, and prices of another
    market, are listed apart.

    \b
    truecost infer llama-3.3-70b
    truecost infer deepseek-v3 --gpu H200-SXM-141GB --tokens-per-second-per-user 50
    truecost infer deepseek-v3 --serving-mode disaggregated
    truecost infer gpt-oss-120b --input 8000 --output 500 --purchase spot --json
    truecost infer llama-3.3-70b --market hyperscaler --min-providers 1
    truecost infer llama-3.3-70b --provider nebius
    truecost infer llama-3.3-70b --requests-per-second 20
    truecost infer --model-file my-model/config.json
    truecost infer llama-3.3-70b --gpu h100-sxm --set usd_per_gpu_hour=2 --set pue=1.2
    truecost infer llama-3.3-70b --as-of 2026-08-01
    """
    from pipelines.answers.fit import within_context
    from pipelines.answers.infer import quotes
    from pipelines.answers.infer_question import InferQuestion
    from pipelines.answers.serving_assumptions import SETTABLE_OF_INFER, refuse_impossible
    from pipelines.derive.serving_reference import unseen_errors
    from warehouse.reference import Documents

    fleet = fleet_utilisation_fraction if is_typed("fleet_utilisation_fraction") else None
    typed = {"usd_per_gpu_hour": usd_per_gpu_hour, "fleet_utilisation_fraction": fleet}
    fixed = settings_of(settings, SETTABLE_OF_INFER, typed)
    if fleet is not None:
        fixed["fleet_utilisation_fraction"] = fleet
    with answering():
        refuse_impossible(fixed)
    if "board_power_watts" in fixed and gpu is None and gpu_file is None:
        raise Refused("--set board_power_watts is the power of one GPU: name it with --gpu")
    if "grams_co2e_per_kwh" in fixed and is_typed("country"):
        raise Refused("--country and --set grams_co2e_per_kwh: give one of them")
    usd_per_gpu_hour = fixed.get("usd_per_gpu_hour", usd_per_gpu_hour)
    fleet_utilisation_fraction = fixed.get("fleet_utilisation_fraction", fleet_utilisation_fraction)
    refuse_price_and_basis(usd_per_gpu_hour)
    if requests_per_second is not None and serving_mode != SERVING_MODES[0]:
        raise Refused("--requests-per-second is answered for --serving-mode aggregated alone")
    with published(past) as connection, answering():
        documents, gpu = with_own_gpus(Documents.of_published(connection), gpu_file, gpu)
        basis = basis_meant(connection, basis)
        prices, then = basis_prices(connection, basis), moment(connection, past)
    meant = model_meant(documents, model, model_file)
    if not is_typed("input_tokens", "output_tokens"):
        asked = input_tokens, output_tokens
        input_tokens, output_tokens = within_context(meant, *asked)
        if (input_tokens, output_tokens) != asked:
            click.echo(
                f"truecost infer: {meant.model_id} reads {input_tokens + output_tokens:,} tokens at"
                f" most: {input_tokens:,} in and {output_tokens:,} out instead of"
                f" {asked[0]:,} and {asked[1]:,}",
                err=True,
            )
    chosen = gpu_meant(documents, gpu)
    own = given(usd_per_gpu_hour, chosen.gpu_id if chosen else None)
    prices |= {own.gpu_id: own} if own else {}
    question = InferQuestion(
        documents=documents,
        model=meant,
        gpu=chosen,
        gpu_count=gpu_count,
        precision=precision,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_fraction=cached_fraction,
        tokens_per_second_per_user=tokens_per_second_per_user,
        serving_mode=serving_mode,
        fleet_utilisation_fraction=fleet_utilisation_fraction,
        requests_per_second=requests_per_second,
        country=country,
        own_factors=_own_factors(calibration),
        basis=basis,
        fixed=fixed,
    )
    with answering():
        rows = quotes(question, prices)[:limit]
    shown = SHOWN if requests_per_second is None else SHOWN_UNDER_LOAD
    assumptions = [asdict(one) for one in question.assumptions]
    if output == "json":
        rows = [row | {"assumptions": assumptions} for row in rows]
    elif output in (None, "table"):
        rows = [_for_people(row) for row in rows]
    print_ranked(
        shown if serving_mode == SERVING_MODES[0] else SHOWN_WITH_POOLS,
        rows,
        output,
        f"{question.model.model_id}, {input_tokens} tokens in, {output_tokens} out,"
        f" {own.source if own else basis}, {then},"
        f" at least {tokens_per_second_per_user:g} tokens/s for each user",
        basis,
    )
    if output in (None, "table"):
        errors = [
            f"{error:.0%} ({mode})".replace("%", " %")
            for mode, error in unseen_errors(documents).items()
            if serving_mode in (mode, SERVING_MODES[-1])
        ]
        known = f" Of models and GPUs not measured the median error is {' and '.join(errors)}."
        print_sentence(
            f"Speeds are calibrated.{known if errors else ''} 4-bit weights may cost quality."
        )
        at_batch = rows[0]["unseen_error_at_concurrency"]
        if at_batch is not None:
            print_sentence(
                f"At the {rows[0]['concurrency']} sequences of the first row the error on pairs not"
                f" seen is {at_batch:.0%}.".replace("%", " %")
            )
        print_sentence(f"Nearest measurement to the first row: {rows[0]['nearest_measured']}.")
        print_assumptions(assumptions, ("value", "low", "high", "unit", "source"))
