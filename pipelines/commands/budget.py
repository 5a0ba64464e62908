"""``truecost budget``: train or tune a model, then serve it for some months.

The answer is made in ``pipelines.answers.budget``, imported when the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import Refused
from pipelines.commands.amounts import (
    AMOUNT,
    CLUSTER,
    DEFAULT_GPU,
    answering,
)
from pipelines.commands.answer import (
    format_option,
    print_document,
    print_rows,
    print_sentence,
    print_table,
)
from pipelines.commands.arguments import AtLeast
from pipelines.commands.basis import (
    basis_meant,
    basis_options,
    given,
    price_option,
    refuse_price_and_basis,
)
from pipelines.commands.currency import currency_option
from pipelines.commands.opening import published
from pipelines.commands.prices import prices_option
from pipelines.commands.serving import gpu_meant, model_file_option, model_meant
from pipelines.commands.settings import set_option, settings_of
from pipelines.commands.train import STAGE_NAMES
from pipelines.derive.price_basis import GpuPrice, PriceBasis

if TYPE_CHECKING:
    from warehouse.database import Connection
    from warehouse.reference import Documents, Model

TUNING = tuple(name for name in STAGE_NAMES if name != "distillation")
"""Stages that need no other model."""


@click.command()
@click.argument("model", required=False)
@model_file_option
@click.option("--stage", type=click.Choice(TUNING), default="sft", show_default=True)
@click.option("--tokens", type=AMOUNT, help="Of the stage. Default: the model is served as it is.")
@click.option("--gpu", default=DEFAULT_GPU, show_default=True, help="To train and to serve on.")
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, help="GPUs of the training cluster.")
@click.option("--requests-per-day", type=AMOUNT, required=True)
@click.option("--serving-months", type=click.IntRange(1, 120), default=12, show_default=True)
@click.option("--input", "input_tokens", type=AtLeast(1), default=3000, show_default=True)
@click.option("--output", "output_tokens", type=AtLeast(1), default=1000, show_default=True)
@click.option(
    "--capital", "capital_usd", type=AMOUNT, help="Money raised: how long it lasts. [USD]"
)
@set_option
@price_option
@basis_options
@currency_option
@prices_option
@format_option
def budget(
    model: str | None,
    model_file: Path | None,
    stage: str,
    tokens: float | None,
    gpu: str,
    gpu_count: int | None,
    requests_per_day: float,
    serving_months: int,
    input_tokens: int,
    output_tokens: int,
    capital_usd: float | None,
    settings: tuple[str, ...],
    usd_per_gpu_hour: float | None,
    basis: PriceBasis,
    output: str | None,
) -> None:
    """Print what a model costs to train or tune and then to serve, by month, with 80 % intervals.

    Serving takes the cheapest set of --gpu at today's price, and at least one replica that is
    always on. Training takes place in month 0. --set fixes assumptions of the training, and
    usd_per_gpu_hour of both.

    \b
    truecost budget llama-3.1-8b --stage lora --tokens 100M --requests-per-day 20K
    truecost budget llama-3.3-70b --requests-per-day 1M --capital 5M --set usd_per_gpu_hour=2
    """
    from pipelines.answers.budget import budget_answer
    from pipelines.answers.gpu_facts import gpu_price
    from pipelines.answers.infer import quotes
    from pipelines.answers.infer_question import InferQuestion
    from pipelines.answers.training_choices import SETTABLE
    from warehouse.reference import Documents

    fixed = settings_of(settings, [name for name in SETTABLE if name != "staff_fraction"], {})
    if tokens is None and fixed.keys() - {"usd_per_gpu_hour"}:
        name = min(fixed.keys() - {"usd_per_gpu_hour"})
        raise Refused(f"--set {name} is of the training: give --tokens, too")
    price_usd = fixed.get("usd_per_gpu_hour", usd_per_gpu_hour)
    if usd_per_gpu_hour is not None and "usd_per_gpu_hour" in fixed:
        raise Refused("--set usd_per_gpu_hour: given twice; give it once")
    refuse_price_and_basis(price_usd)
    with published(None) as connection, answering():
        documents = Documents.of_published(connection)
        meant, chosen = model_meant(documents, model, model_file), gpu_meant(documents, gpu)
        assert chosen is not None
        question = InferQuestion(
            documents=documents,
            model=meant,
            gpu=chosen,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            tokens_per_second_per_user=25.0,
            basis=basis,
        )
        own = given(price_usd, chosen.gpu_id)
        price = own or gpu_price(connection, chosen.gpu_id, basis_meant(connection, basis))
        quote = quotes(question, {chosen.gpu_id: price})[0]
        plan = None
        if tokens is not None:
            plan = _plan(connection, documents, meant, price, stage, tokens, gpu_count, fixed)
        elif gpu_count is not None:
            raise Refused("--gpus is the cluster of the training: give --tokens, too")
        answer = budget_answer(plan, quote, requests_per_day, serving_months, capital_usd)
    if output == "json":
        print_document(answer)
        return
    months_printed = [list(row.values()) for row in answer["by_month"]]
    if output != "csv":
        rows = answer["parts"]
        title = (
            f"{meant.model_id} on {answer['gpu_id']} ({price.source}), {serving_months} months,"
            " USD (80 % interval)"
        )
        print_table(list(rows[0]), [list(row.values()) for row in rows], title)
        if capital_usd is not None:
            _print_capital(answer)
    print_rows(list(answer["by_month"][0]), months_printed, output, "by month")


def _print_capital(answer: Mapping[str, Any]) -> None:
    """Print the share of the capital that compute takes, and how long it would last."""
    asked, lasts = answer["serving_months"], answer["runway_months"]
    print_sentence(
        f"compute takes {answer['capital_fraction']:.0%} of {answer['capital_usd']:,.0f} USD in"
        f" {asked} months; spent on nothing else, it lasts {lasts:,.1f} months"
    )


def _plan(
    connection: Connection,
    documents: Documents,
    model: Model,
    price: GpuPrice,
    stage: str,
    tokens: float,
    gpu_count: int | None,
    fixed: Mapping[str, float],
) -> dict[str, Any]:
    """Return the plan of the stage that comes before serving."""
    from cost_engine.training.stages import STAGES
    from pipelines.answers.gpu_facts import gpu_facts
    from pipelines.answers.train import training_answer
    from pipelines.answers.training_choices import ModelChoices, RunChoices, sizing
    from pipelines.answers.training_known import known_figures
    from pipelines.answers.training_utilisation import RunUtilisation
    from pipelines.commands.amounts import day_of

    facts = gpu_facts(connection, price.gpu_id, documents, given=price)
    choices = ModelChoices(tokens=tokens, stage=stage).completed_by(known_figures(model))
    run = RunChoices(
        gpu_count=gpu_count, goodput_fraction=fixed.get("goodput_fraction"), fixed=fixed
    )
    reached = fixed.get("utilisation_fraction")
    utilisation = RunUtilisation(facts, reached, day_of(None), documents, STAGES[stage])
    size = sizing(choices, facts, run, utilisation)
    plan: dict[str, Any] = training_answer(size, facts, choices, run, utilisation)["plan"]
    return plan
