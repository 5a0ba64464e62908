"""``truecost napkin``: what a model takes and costs, on the back of a napkin.

The answer is made in ``pipelines.answers.napkin``, imported when the command runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.amounts import (
    AMOUNT,
    CLUSTER,
    answering,
    known_gpu,
    published_or_none,
)
from pipelines.commands.answer import format_option, print_rows
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.opening import documents_of, past_options
from pipelines.commands.serving import model_meant

if TYPE_CHECKING:
    from warehouse.database import Connection
    from warehouse.reference import Documents

ARTICLE_GPU = "A100-SXM-80GB"


@click.command()
@click.argument("model", required=False)
@click.option("--parameters", "--params", type=AMOUNT, help="Of a model that has no name here.")
@click.option("--active-parameters", type=AMOUNT, help="Parameters that a token uses (mixtures).")
@click.option("--tokens", type=AMOUNT, help="Training tokens. Default: those of the model.")
@click.option(
    "--request-tokens", type=AMOUNT, default=1024.0, show_default=True, help="Of one request."
)
@click.option("--gpu", default=ARTICLE_GPU, show_default=True)
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, default=1024, show_default=True)
@click.option("--precision", default="bf16", show_default=True, help="Precision of the peak.")
@click.option(
    "--utilisation-fraction",
    type=FiniteRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of the peak. Runs reach 0.1 to 0.5.",
)
@click.option(
    "--price",
    "usd_per_gpu_hour",
    type=AMOUNT,
    multiple=True,
    help="Of an hour; give it twice for a range. Default: tracked prices, and for the A100 those"
    " of the article. [USD/(GPU h)]",
)
@past_options
@format_option
def napkin(
    model: str | None,
    parameters: float | None,
    active_parameters: float | None,
    tokens: float | None,
    request_tokens: float,
    gpu: str,
    gpu_count: int,
    precision: str,
    utilisation_fraction: float,
    usd_per_gpu_hour: Sequence[float],
    past: Past | None,
    output: str | None,
) -> None:
    """Print FLOPs, seconds and dollars of a model, from 2 FLOPs a parameter and token.

    Right within a small factor: a check on infer and train. Rows named scenario are limits that
    nothing here reaches: pruned weights, two-bit weights. The defaults are those of "Navigating
    the High Cost of AI Compute" (a16z, 2023), which take the whole peak.

    \b
    truecost napkin gpt-3-175b
    truecost napkin --parameters 70B --tokens 15T --gpu H100-SXM-80GB --price 2 --price 4
    """
    from pipelines.answers.napkin import NapkinQuestion, napkin_rows

    is_tracked = not usd_per_gpu_hour and gpu != ARTICLE_GPU
    with answering(), published_or_none(past, is_needed=is_tracked) as connection:
        documents = documents_of(connection)
        sizes = _sizes(documents, model, parameters, active_parameters, tokens)
        gpu_id = known_gpu(connection, gpu)
        prices, source = _prices(connection, gpu_id, usd_per_gpu_hour)
        peak, sparse_peak = _peaks(documents, gpu_id, precision)
        rows = napkin_rows(
            NapkinQuestion(
                parameters=sizes[0],
                active_parameters=sizes[1],
                training_tokens=sizes[2],
                request_tokens=request_tokens,
                flops_per_second=peak,
                gpu_count=gpu_count,
                usd_per_gpu_hour=prices,
                utilisation_fraction=utilisation_fraction,
                sparse_flops_per_second=sparse_peak,
            )
        )
    print_rows(
        list(rows[0]),
        [list(row.values()) for row in rows],
        output,
        f"{model or f'{sizes[0]:.4g} parameters'} on {gpu_id}, {utilisation_fraction:.0%} of its"
        f" peak; {prices[0]:.3g}, {prices[1]:.3g} and {prices[2]:.3g} USD an hour: {source}",
    )


def _sizes(
    documents: Documents,
    model: str | None,
    parameters: float | None,
    active_parameters: float | None,
    tokens: float | None,
) -> tuple[float, float, float | None]:
    """Return all and active parameters and training tokens of what was asked for."""
    if (model is None) == (parameters is None):
        raise Refused("give a model or --parameters, one of the two")
    if model is None:
        assert parameters is not None
        return parameters, active_parameters or parameters, tokens
    if active_parameters is not None:
        raise Refused("--active-parameters goes with --parameters, not with a model")
    values: Any = model_meant(documents, model).values
    if not values.get("parameters"):
        raise Refused(f"the parameters of {model} are not published; give --parameters")
    active = values.get("active_parameters")
    if active is None:
        raise Refused(f"the active parameters of {model} are not published; give --parameters")
    return values["parameters"], active, tokens or values.get("training_tokens")


def _prices(
    connection: Connection | None, gpu_id: str, given: Sequence[float]
) -> tuple[tuple[float, float, float], str]:
    """Return low, middle and high price of an hour, and where they are from."""
    from cost_engine.napkin import ARTICLE_USD_PER_GPU_HOUR
    from pipelines.answers.gpu_facts import gpu_price

    if len(given) > 2:
        raise Refused("--price: one price, or a low and a high one")
    if given:
        low, high = min(given), max(given)
        return (low, (low + high) / 2, high), "given"
    if gpu_id == ARTICLE_GPU:
        return ARTICLE_USD_PER_GPU_HOUR, "as the article's dollars imply"
    price = gpu_price(connection, gpu_id)
    return (price.low, price.usd_per_gpu_hour, price.high), price.source


def _peaks(documents: Documents, gpu_id: str, precision: str) -> tuple[float, float | None]:
    """Return the dense peak of a GPU and the sparse one [FLOP / s], or refuse a precision.

    The sparse one is None where the GPU has none.
    """
    from warehouse.reference import read_gpus

    gpus = {gpu.gpu_id: gpu for gpu in read_gpus(documents)}
    if gpu_id not in gpus:
        raise Refused(f"unknown GPU {gpu_id!r}")
    peaks = gpus[gpu_id].dense_flops_per_second
    if precision not in peaks:
        raise Refused(f"{gpu_id} has no {precision}; it has {', '.join(sorted(peaks)) or 'none'}")
    return peaks[precision], gpus[gpu_id].sparse_flops_per_second.get(precision)
