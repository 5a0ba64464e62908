"""``truecost image``: what images of a diffusion model cost, by GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cost_engine.units import GIGABYTE
from pipelines.answers.as_of import Past
from pipelines.commands import Refused
from pipelines.commands.basis import basis_meant, basis_options, print_ranked
from pipelines.commands.opening import answer_options, gpu_meant, moment, one_of, published

if TYPE_CHECKING:
    from pipelines.derive.price_basis import PriceBasis

SHOWN = (
    "gpu_id", "images_per_second_per_gpu", "usd_per_gpu_hour", "usd_per_1k_images", "low", "high",
    "method", "provider_count",
)  # fmt: skip


@click.command()
@click.argument("model")
@click.option("--gpu", help="Only this GPU, e.g. L40S-48GB.")
@basis_options
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@answer_options
def image(
    model: str,
    gpu: str | None,
    basis: PriceBasis,
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print USD for a thousand images on single GPUs that hold the model, cheapest first.

    The GPU is always busy, with full batches. Where no speed was measured, the GPU reaches the
    share of its 16-bit peak that measured ones do. Low and high take in what the next seller asks
    and the lowest and highest share. GPUs of too few providers, and prices of another market, are
    listed apart: consumer cards are there, or first with --market marketplace.

    \b
    truecost image sdxl
    truecost image flux.1-schnell --market marketplace
    truecost image stable-diffusion-1.5 --gpu L4 --json
    """
    from pipelines.answers import image as answers

    with published(past) as connection:
        image_model_id = one_of("image model", model, answers.image_models(connection))
        basis = basis_meant(connection, basis)
        gpu_id = None if gpu is None else gpu_meant(connection, gpu)
        rows = answers.image(
            connection, basis, image_model_id=image_model_id, gpu_id=gpu_id, row_limit=limit
        )
        then = moment(connection, past)
    if not rows:
        raise Refused(
            f"no fresh price, {basis}, of {gpu_id or 'a GPU'} that holds {image_model_id}; see"
            " truecost offers"
        )
    title = (
        f"USD per 10^3 images of {image_model_id} ({rows[0]['steps']} steps,"
        f" {rows[0]['model_memory_bytes'] / GIGABYTE:.3g} GB), {basis}, {then}"
    )
    print_ranked(SHOWN, rows, output, title, basis)
