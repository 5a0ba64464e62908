"""``truecost train``: what a training run costs, planned now or as the warehouse has it.

The answers are made in ``pipelines.answers.train``, imported when the command runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.answers.as_of import Past, derive_costs
from pipelines.commands import Refused
from pipelines.commands.amounts import (
    AMOUNT,
    CLUSTER,
    DEFAULT_GPU,
    answering,
    day_of,
    known_gpu,
    published_or_none,
)
from pipelines.commands.answer import print_document, print_rows
from pipelines.commands.arguments import FiniteRange, Renamed, is_typed
from pipelines.commands.basis import (
    basis_meant,
    basis_options_without_term,
    given,
    price_option,
    refuse_price_and_basis,
)
from pipelines.commands.opening import (
    answer_options,
    documents_of,
    fold,
    one_of,
    refuse_duckdb,
)
from pipelines.commands.serving import (
    gpu_file_option,
    model_file_option,
    own_model,
    with_own_gpus,
)
from pipelines.commands.settings import set_option, settings_of
from pipelines.commands.train_tables import print_history, print_plan
from pipelines.derive.price_basis import PriceBasis
from warehouse.database import Connection, DatabaseError

if TYPE_CHECKING:
    from pipelines.answers.training_choices import ModelChoices, RunChoices

STAGE_NAMES = (
    "pretraining", "long-context", "sft", "dpo", "lora", "qlora", "rl", "distillation",
    "evaluation",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The options of ``train``, named as click passes them."""

    parameters: float | None
    active_parameters: float | None
    tokens: float | None
    flops: float | None
    budget_usd: float | None
    target_loss: float | None
    fit: str | None
    gpu: str
    gpu_count: int | None
    deadline_days: float | None
    precision: str
    utilisation_fraction: float | None
    goodput_fraction: float | None
    usd_per_gpu_hour: float | None
    runs: str
    is_with_staff: bool
    commitment_months: float | None
    resale_fraction: float
    layers: float | None
    hidden_size: float | None
    attention_heads: float | None
    sequence_tokens: float
    stage: str
    teacher_parameters: float | None
    country: str
    fixed: Mapping[str, float]

    def model_choices(self) -> ModelChoices:
        """Return what is given of the model."""
        from pipelines.answers.training_choices import ModelChoices

        return ModelChoices(
            parameters=self.parameters,
            active_parameters=self.active_parameters,
            tokens=self.tokens,
            flops=self.flops,
            budget_usd=self.budget_usd,
            target_loss=self.target_loss,
            fit=self.fit,
            layers=self.layers,
            hidden_size=self.hidden_size,
            attention_heads=self.attention_heads,
            sequence_tokens=self.sequence_tokens,
            stage=self.stage,
            teacher_parameters=self.teacher_parameters,
        )

    def run_choices(self) -> RunChoices:
        """Return how the run is made and paid for."""
        from pipelines.answers.training_choices import RunChoices

        return RunChoices(
            gpu_count=self.gpu_count,
            deadline_days=self.deadline_days,
            goodput_fraction=self.goodput_fraction,
            is_all_runs=self.runs == "all",
            is_with_staff=self.is_with_staff,
            commitment_months=self.commitment_months,
            resale_fraction=self.resale_fraction,
            country=self.country,
            fixed=self.fixed,
        )


@click.command()
@click.argument("model", required=False)
@model_file_option
@gpu_file_option
@click.option("--parameters", "--params", type=AMOUNT, help="Parameters, all of them.")
@click.option("--active-parameters", type=AMOUNT, help="Parameters that a token uses (mixtures).")
@click.option("--tokens", type=AMOUNT, help="Training tokens. Default: 20 a parameter.")
@click.option("--flops", type=AMOUNT, help="Compute of the run.")
@click.option("--budget", "budget_usd", type=AMOUNT, help="Money to spend: sizes the model. [USD]")
@click.option("--target-loss", type=AMOUNT, help="Loss to reach: sizes the model. [nat/token]")
@click.option(
    "--fit",
    type=click.Choice(["rule", "original", "corrected"]),
    help="Scaling law: 20 tokens a parameter, Hoffmann 2022, or Besiroglu 2024.",
)
@click.option("--gpu", default=DEFAULT_GPU, show_default=True, help="An id of core.gpu.")
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, help="GPUs of the cluster.")
@click.option("--deadline-days", type=AMOUNT, help="Size the cluster to end in so many days.")
@click.option("--precision", default="bf16", show_default=True, help="Precision of the peak.")
@click.option(
    "--utilisation-fraction",
    cls=Renamed,
    formerly=("--mfu",),
    type=AMOUNT,
    help="Model FLOP utilisation, 0 to 1.",
)
@click.option(
    "--goodput",
    "goodput_fraction",
    type=AMOUNT,
    help="Share of time that advances the run, 0 to 1.",
)
@price_option
@basis_options_without_term
@click.option(
    "--runs",
    type=click.Choice(["final", "all"]),
    default="final",
    show_default=True,
    help="The final run, or with the failed and test runs.",
)
@click.option(
    "--staff", "is_with_staff", is_flag=True, help="Also the people who develop it, and all runs."
)
@click.option(
    "--commitment-months",
    cls=Renamed,
    formerly=("--term-months",),
    type=AMOUNT,
    help="Pay for a reservation of this length.",
)
@click.option(
    "--resale", "resale_fraction", type=FiniteRange(0, 1), default=0.0, help="Share sublet."
)
@click.option("--layers", type=AMOUNT, help="For activations, with the next two.")
@click.option("--hidden-size", type=AMOUNT)
@click.option("--attention-heads", type=AMOUNT)
@click.option("--sequence-tokens", type=AMOUNT, default=8192.0, show_default=True)
@click.option(
    "--stage",
    type=click.Choice(STAGE_NAMES),
    default=STAGE_NAMES[0],
    show_default=True,
    help="Of the life of a model. Stages after pretraining take --tokens of their own.",
)
@click.option(
    "--teacher-parameters", type=AMOUNT, help="Of the model that is distilled, per token."
)
@click.option(
    "--country", default="US", show_default=True, help="Of the electricity and grid, e.g. US-VA."
)
@set_option
@answer_options
def train(
    model: str | None,
    model_file: Path | None,
    gpu_file: Path | None,
    settings: tuple[str, ...],
    past: Past | None,
    output: str | None,
    basis: PriceBasis,
    **options: Any,
) -> None:
    """Print what a training run takes and costs, with an interval, and its alternatives.

    MODEL is a model of the warehouse: one of core.model is planned now, one that only Epoch AI
    knows is shown at its own date and at today's prices, and planned if an option is given. Other
    tokens, as for fine-tuning, are trained on all parameters. Without MODEL give parameters and
    tokens, or a budget, or a loss to reach.

    \b
    truecost train --parameters 70B --tokens 15T --gpus 4096
    truecost train llama-3.3-70b --tokens 1B --gpus 64
    truecost train llama-3.3-70b --stage lora --tokens 100M --gpus 8
    truecost train llama-3.1-8b --stage distillation --teacher-parameters 70B --tokens 10B
    truecost train --budget 10M --runs all
    truecost train --parameters 70B --tokens 15T --staff
    truecost train --params 8B --tokens 1T --set utilisation_fraction=0.3 --set pue=1.2
    truecost train --target-loss 1.95 --fit corrected --deadline-days 60
    truecost train --model-file my-model/config.json --tokens 2T
    truecost train GPT-4 --as-of 2026-08-01
    """
    from cost_engine.training.stages import STAGES
    from pipelines.answers.gpu_facts import gpu_facts
    from pipelines.answers.train import training_answer
    from pipelines.answers.training_choices import SETTABLE, sizing
    from pipelines.answers.training_known import known_figures, offers_for
    from pipelines.answers.training_utilisation import RunUtilisation

    fixed = settings_of(settings, SETTABLE, options)
    if options["runs"] == "all" and "runs_multiplier" in fixed:
        raise Refused("--runs all and --set runs_multiplier: give one of them")
    choice = {name: fixed[name] for name in fixed if name in options}
    asked = Asked(**(options | choice), fixed=fixed)
    choices, run = asked.model_choices(), asked.run_choices()
    refuse_price_and_basis(asked.usd_per_gpu_hour)
    history: list[dict[str, Any]] = []
    then_and_now: list[dict[str, Any]] = []
    is_needed = asked.usd_per_gpu_hour is None or model is not None
    if model_file is not None:
        if model is not None:
            raise Refused("give a MODEL or --model-file, one of the two")
        with answering():
            choices = choices.completed_by(known_figures(own_model(model_file)))
    with answering(), published_or_none(past, is_needed=is_needed) as connection:
        if model is not None and connection is not None:
            if past is not None:
                derive_costs(connection)
            name, known = _known_model(connection, model)
            costed = known["epoch_model_name"] if known else name
            history, then_and_now = _history(connection, costed)
            if known is None:
                if not is_typed(*options, "settings"):
                    print_history(history, then_and_now, output)
                    return
                known = _epoch_run(connection, name)
            choices = choices.completed_by(known)
        asked_gpu = asked.gpu if is_typed("gpu") or gpu_file is None else None
        documents, gpu = with_own_gpus(documents_of(connection), gpu_file, asked_gpu)
        gpu_id = known_gpu(connection, asked.gpu) if gpu_file is None else str(gpu)
        facts = gpu_facts(
            connection,
            gpu_id,
            documents,
            asked.precision,
            basis_meant(connection, basis),
            given(asked.usd_per_gpu_hour, gpu_id),
            asked.gpu_count,
        )
        utilisation = RunUtilisation(
            facts, asked.utilisation_fraction, day_of(past), documents, STAGES[asked.stage]
        )
        size = sizing(choices, facts, run, utilisation)
        answer = training_answer(size, facts, choices, run, utilisation)
        answer["offers"] = offers_for(connection, size, answer["plan"], asked.precision)
        answer |= {"history": history, "then_and_now": then_and_now}
    if output == "json":
        print_document(answer)
    elif output == "csv":
        print_rows(list(answer["plan"]), [list(answer["plan"].values())], "csv")
    else:
        print_plan(answer)


@contextmanager
def _refusing(connection: Connection) -> Iterator[None]:
    """Refuse in one line what an older published file cannot answer."""
    try:
        yield
    except DatabaseError as error:
        raise refuse_duckdb(error, connection) from error


def _known_model(connection: Connection, model: str) -> tuple[str, dict[str, Any] | None]:
    """Return the name that was meant, and the figures if it is of a reference model."""
    from pipelines.answers import training_known as known
    from pipelines.derive.serving_names import model_spelled

    with _refusing(connection):
        reference = known.reference_models(connection)
        spellings = ("model_id", "name", "epoch_model_name")
        by_spelling = {fold(row[key]): row for key in spellings for row in reference if row[key]}
        if fold(model) in by_spelling:
            return model, by_spelling[fold(model)]
        ids = [row["model_id"] for row in reference]
        spelled = model_spelled(documents_of(connection), model)
        if spelled in ids:
            return model, by_spelling[fold(spelled or "")]
        name = one_of("model", model, [*known.costed_models(connection), *ids])
        return name, by_spelling.get(fold(name))


def _epoch_run(connection: Connection, name: str) -> dict[str, Any]:
    """Return what Epoch AI's tables say of a model, or refuse a plan of one without compute."""
    from pipelines.answers.training_known import epoch_run

    with _refusing(connection):
        found = epoch_run(connection, name)
    if found is None or found["training_flops"] is None:
        raise Refused(
            f"the compute of {name} is not known, so no run of it can be planned: leave out the"
            " options to see its costs, or give --parameters and --tokens without a name"
        )
    return found


def _history(
    connection: Connection, epoch_model_name: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the costs of a model by method and price, and its rent then and now by contract."""
    from pipelines.answers import training_known as known

    with _refusing(connection):
        return (
            known.training_history(connection, epoch_model_name),
            known.then_and_now(connection, epoch_model_name),
        )
