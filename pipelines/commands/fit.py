"""``truecost fit``: on which GPU sets a model fits, cheapest today first.

Arguments in, a printed answer out. The answer is made by ``pipelines.answers.fit``, which is
imported when the command runs, so that the command line starts fast.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from pipelines.answers.as_of import Past
from pipelines.commands.amounts import print_assumptions
from pipelines.commands.arguments import AtLeast
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
    "fits",
    "usd_per_hour",
    "usd_per_gpu_hour",
    "provider_count",
    "sequences_that_fit",
    "missing_bytes",
    "replicas",
    "gpus_per_replica",
    "is_useful",
    "kv_bits_per_value",
    "set_provider_id",
    "set_usd_per_gpu_hour",
    "set_seen_at",
)


@click.command()
@click.argument("model", required=False)
@model_file_option
@gpu_file_option
@price_option
@click.option(
    "--context",
    "--ctx",
    "context_tokens",
    type=AtLeast(1),
    default=8192,
    show_default=True,
    help="Longest context of a request.",
)
@click.option("--precision", "--prec", help="bf16, fp16, fp8, int8, fp4 or int4. Default: each.")
@click.option("--gpu", help="Only this accelerator.")
@click.option(
    "-n",
    "--gpus",
    "gpu_count",
    type=click.IntRange(1, 4096),
    help="Only so many GPUs in all, over one replica or several.",
)
@click.option(
    "--sequences",
    type=AtLeast(1),
    default=1,
    show_default=True,
    help="Requests that must fit at once; 8 and more make a set useful.",
)
@basis_options
@set_option
@click.option("--limit", type=AtLeast(1), default=12, show_default=True)
@answer_options
def fit(
    model: str | None,
    model_file: Path | None,
    gpu_file: Path | None,
    usd_per_gpu_hour: float | None,
    context_tokens: int,
    precision: str | None,
    gpu: str | None,
    gpu_count: int | None,
    sequences: int,
    basis: PriceBasis,
    settings: tuple[str, ...],
    limit: int,
    past: Past | None,
    output: str | None,
) -> None:
    """Print on which GPU sets MODEL fits, the fewest of each GPU, cheapest today first.

    A GPU or a number of GPUs that is asked for is answered with a no, too: how many sequences fit
    and how much memory is missing. Several replicas are used where they hold more than a wider one.
    kv_bits_per_value is the precision of the cache: 16 beside 16-bit weights, else 8.

    \b
    truecost fit llama-3.1-70b --context 32768 --precision fp8
    truecost fit --model-file my-model/config.json --gpu H100-SXM-80GB -n 8
    truecost fit deepseek-v3 --gpu H200-SXM-141GB --sequences 64
    truecost fit llama-3.1-8b --gpu L4 --set usable_memory_fraction=0.95
    truecost fit llama-3.1-405b --gpu H200-SXM-141GB -n 8 --context 131072 --sequences 32
    """
    from pipelines.answers.fit import FitQuestion, fits
    from pipelines.answers.serving_assumptions import SETTABLE_OF_FIT, refuse_impossible
    from warehouse.reference import Documents

    fixed = settings_of(settings, SETTABLE_OF_FIT, {"usd_per_gpu_hour": usd_per_gpu_hour})
    usd_per_gpu_hour = fixed.get("usd_per_gpu_hour", usd_per_gpu_hour)
    with answering():
        refuse_impossible(fixed)
    refuse_price_and_basis(usd_per_gpu_hour)
    with published(past) as connection, answering():
        documents, gpu = with_own_gpus(Documents.of_published(connection), gpu_file, gpu)
        basis = basis_meant(connection, basis)
        prices, then = basis_prices(connection, basis), moment(connection, past)
    chosen = gpu_meant(documents, gpu)
    own = given(usd_per_gpu_hour, chosen.gpu_id if chosen else None)
    prices |= {own.gpu_id: own} if own else {}
    question = FitQuestion(
        documents=documents,
        model=model_meant(documents, model, model_file),
        gpu=chosen,
        precision=precision,
        context_tokens=float(context_tokens),
        sequences=sequences,
        gpu_count=gpu_count,
        basis=basis,
        fixed=fixed,
    )
    with answering():
        rows = fits(question, prices)[:limit]
    assumptions = [asdict(one) for one in question.assumptions]
    if output == "json":
        rows = [row | {"assumptions": assumptions} for row in rows]
    print_ranked(
        SHOWN,
        rows,
        output,
        f"{question.model.model_id}: sets that hold {sequences} x {context_tokens} tokens,"
        f" {own.source if own else basis}, {then}",
        basis,
    )
    if output in (None, "table"):
        print_assumptions(assumptions, ("value", "low", "high", "unit", "source"))
