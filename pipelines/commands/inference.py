"""``truecost infer`` and ``fit``: what tokens cost today, and on which GPU sets a model fits.

Arguments in, a printed answer out; the answers are made in ``pipelines.costing.serving_quote``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.published import moment, one_of, past_options, published
from pipelines.past import Past

SHOWN = (
    "gpu_id",
    "gpu_count",
    "precision",
    "usd_per_1k_input_tokens",
    "usd_per_1k_output_tokens",
    "usd_per_1k_tokens",
    "low",
    "high",
    "tokens_per_second_per_user",
    "binding_limit",
    "watt_hours_per_1k_tokens",
    "grams_co2e_per_1k_tokens",
    "usd_per_gpu_hour",
)
PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the equations refuse into one line."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from None


def _prices(purchase: str, past: Past | None) -> tuple[list[Any], str]:
    """Return the newest price of every GPU, and the moment they are of."""
    from pipelines.costing.serving_quote import PRICES, Price

    with published(past) as connection:
        rows = connection.execute(PRICES, [purchase]).fetchall()
        return [Price(*row) for row in rows], moment(connection, past)


@click.command()
@click.argument("model")
@click.option("--gpu", help="Only this accelerator; every set of it is shown.")
@click.option("-n", "--count", "gpu_count", type=click.IntRange(1, 64), help="GPUs of a replica.")
@click.option("--precision", help="bf16, fp16, fp8, int8, fp4 or int4. Default: the cheapest.")
@click.option("--input", "input_tokens", type=click.IntRange(1), default=3000, show_default=True)
@click.option("--output", "output_tokens", type=click.IntRange(1), default=1000, show_default=True)
@click.option(
    "--cached",
    "cached_fraction",
    type=FiniteRange(0, 0.999),
    default=0.0,
    help="Share of the prompt that a prefix cache has.",
)
@click.option(
    "--tokens-per-second-per-user",
    "pace",
    type=FiniteRange(0),
    default=25.0,
    show_default=True,
    help="Pace that each user gets; 0: nobody waits.",
)
@click.option(
    "--purchase", type=click.Choice(PURCHASE_MODELS), default="on_demand", show_default=True
)
@click.option(
    "--utilisation",
    type=FiniteRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Mean over peak demand, for the provisioned cost and the energy.",
)
@click.option("--country", default="US", show_default=True, help="Whose grid feeds the GPUs.")
@click.option("--limit", type=click.IntRange(1), default=12, show_default=True)
@past_options
@format_option
def infer(
    model: str,
    gpu: str | None,
    gpu_count: int | None,
    precision: str | None,
    input_tokens: int,
    output_tokens: int,
    cached_fraction: float,
    pace: float,
    purchase: str,
    utilisation: float,
    country: str,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a thousand tokens of MODEL cost today, cheapest GPU set first.

    The replica is full; usd_per_1k_tokens_provisioned (csv, json) counts the idle hours of a fleet
    sized for its peak. low and high span 80 %: the spread of prices and the model's own error.

    \b
    truecost infer llama-3.3-70b
    truecost infer deepseek-v3 --gpu H200-SXM-141GB --tokens-per-second-per-user 50
    truecost infer gpt-oss-120b --input 8000 --output 500 --purchase spot --json
    truecost infer llama-3.3-70b --as-of 2026-08-01
    """
    from pipelines.costing import serving_quote
    from pipelines.costing import serving_reference as reference
    from pipelines.costing.inference import ServiceLevel, Workload

    chosen = reference.known_models()[one_of("model", model, reference.known_models())]
    card = None if gpu is None else reference.known_gpus()[one_of("GPU", gpu, _fine_gpus())]
    with _answering():
        grams, _ = serving_quote.grid_intensity(country)
        serving_quote.refuse_long_context(chosen, input_tokens + output_tokens)
        if card is not None:
            serving_quote.precisions_for(card, precision)
        elif precision is not None:
            reference.precision_named(precision)
        reference.shape_row(chosen)
    prices, then = _prices(purchase, past)
    with _answering():
        computed = input_tokens * (1 - cached_fraction)
        rows = serving_quote.quotes(
            chosen,
            prices,
            Workload("asked", "asked", float(max(computed, 1)), float(output_tokens), "asked"),
            ServiceLevel("asked", pace),
            gpu=card,
            gpu_count=gpu_count,
            precision=precision,
            utilisation_fraction=utilisation,
            grams_per_kilowatt_hour=grams,
        )[:limit]
    names = SHOWN if output == "table" or output is None else tuple(rows[0])
    print_rows(
        names,
        [[row[name] for name in names] for row in rows],
        output,
        f"{chosen.model_id}, {input_tokens} tokens in, {output_tokens} out, {purchase}, {then}, "
        f"at least {pace:g} tokens/s for each user",
    )
    if output in (None, "table"):
        errors = reference.load_fit().errors
        click.echo(
            f"Speeds are calibrated, with a median error of "
            f"{100 * errors['unseen_pair_median_absolute_error']:.0f} % on pairs not seen; "
            f"4-bit weights may cost quality."
        )


def _fine_gpus() -> list[str]:
    from pipelines.costing import serving_reference as reference

    return [gpu_id for gpu_id, gpu in reference.known_gpus().items() if not gpu.is_coarse]


@click.command()
@click.argument("model")
@click.option(
    "--context",
    "--ctx",
    "context_tokens",
    type=click.IntRange(1),
    default=8192,
    show_default=True,
    help="Longest context of a request.",
)
@click.option("--precision", "--prec", help="bf16, fp16, fp8, int8, fp4 or int4. Default: each.")
@click.option("--gpu", help="Only this accelerator.")
@click.option(
    "--sequences",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Requests that must fit at once; 8 and more make a set useful.",
)
@click.option(
    "--purchase", type=click.Choice(PURCHASE_MODELS), default="on_demand", show_default=True
)
@click.option("--limit", type=click.IntRange(1), default=12, show_default=True)
@past_options
@format_option
def fit(
    model: str,
    context_tokens: int,
    precision: str | None,
    gpu: str | None,
    sequences: int,
    purchase: str,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print on which GPU sets MODEL fits, the smallest of each GPU, cheapest today first.

    \b
    truecost fit llama-3.1-70b --context 32768 --precision fp8
    truecost fit deepseek-v3 --gpu H200-SXM-141GB --sequences 64
    """
    from pipelines.costing import serving_quote
    from pipelines.costing import serving_reference as reference
    from pipelines.costing.inference import servable_gpus

    chosen = reference.known_models()[one_of("model", model, reference.known_models())]
    with _answering():
        serving_quote.refuse_long_context(chosen, context_tokens)
        names = None if precision is None else [reference.precision_named(precision)]
        if gpu is None:
            cards = servable_gpus(reference.known_gpus())
        else:
            cards = [reference.known_gpus()[one_of("GPU", gpu, _fine_gpus())]]
            serving_quote.precisions_for(cards[0], precision)
        reference.shape_row(chosen)
    found, then = _prices(purchase, past)
    prices = {price.gpu_id: price for price in found}
    with _answering():
        rows = serving_quote.fits(chosen, cards, float(context_tokens), names, sequences, prices)
        if not rows:
            others = serving_quote.fits(
                chosen,
                servable_gpus(reference.known_gpus()),
                float(context_tokens),
                names,
                sequences,
                prices,
            )[:3]
            works = ", ".join(
                f"{row['gpu_count']} x {row['gpu_id']} in {row['precision']}" for row in others
            )
            where = cards[0].gpu_id if gpu else "a known GPU"
            raise Refused(
                f"{chosen.model_id} does not fit on up to 16 x {where}; "
                + (f"it fits on {works}" if works else "try fewer sequences or a lower precision")
            )
    columns = tuple(rows[0])[1:]
    print_rows(
        columns if output != "json" else tuple(rows[0]),
        [[row[name] for name in (columns if output != "json" else tuple(row))] for row in rows][
            :limit
        ],
        output,
        f"{chosen.model_id}: smallest sets that hold {sequences} x {context_tokens} tokens, {then}",
    )
