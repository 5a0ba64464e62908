"""``truecost train``, ``own-vs-rent`` and ``reserve``: what a run costs and how to pay for it.

Arguments in, a printed answer out; the answers are made in ``pipelines.costing.planner``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from typing import Any

import click

from pipelines.commands import Refused
from pipelines.commands.answer import plain, print_rows, print_table, significant
from pipelines.commands.arguments import FiniteRange
from pipelines.commands.published import past_options
from pipelines.past import Past, derive_costs

SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
DEFAULT_GPU = "H100-SXM-80GB"
CREDIT = "Model data: Epoch AI, epoch.ai, CC BY 4.0"


class Amount(click.ParamType):
    """A positive number with an optional suffix: 70B, 1.5T, 3e25."""

    name = "NUMBER"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises
        ------
        click.BadParameter
            If it is none, or not a finite number above 0.
        """
        if isinstance(value, float):
            return value
        text = str(value).strip().upper().replace("_", "").replace(",", "")
        factor = SUFFIXES.get(text[-1:], 1.0)
        try:
            number = float(text[:-1] if text[-1:] in SUFFIXES else text) * factor
        except ValueError:
            number = float("nan")
        if not 0 < number < float("inf"):
            self.fail(f"{value!r}: must be a number above 0, such as 70B, 1.5T or 3e25", param, ctx)
        return number


AMOUNT = Amount()
CLUSTER = click.IntRange(1, 10_000_000)  # a hundred times the largest known
format_choice = click.option(
    "--format", "output", type=click.Choice(["table", "csv", "json"]), default="table"
)
json_flag = click.option(
    "--json", "output", flag_value="json", help="Short for --format json.", default=None
)


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the engine refuses, and numbers that burst it, into one refused line."""
    import numpy as np

    try:
        with np.errstate(over="raise", invalid="ignore"):
            yield
    except ValueError as error:
        raise Refused(str(error)) from None
    except ArithmeticError as error:
        raise Refused(f"a number is too large to compute with: {error}") from None


def _day(past: Past | None) -> date:
    """Return the day of a question, for the price of electricity."""
    return datetime.now(UTC).date() if past is None else past.day


@click.command()
@click.argument("model", required=False)
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
@click.option("--mfu", type=AMOUNT, help="Model FLOP utilisation, 0 to 1.")
@click.option("--goodput", type=AMOUNT, help="Share of time that advances the run, 0 to 1.")
@click.option("--price", type=AMOUNT, help="Instead of the tracked price. [USD/(GPU h)]")
@click.option(
    "--purchase",
    type=click.Choice(["on_demand", "spot", "reserved"]),
    default="on_demand",
    show_default=True,
)
@click.option(
    "--runs",
    type=click.Choice(["final", "all"]),
    default="final",
    show_default=True,
    help="The final run, or with the failed and test runs.",
)
@click.option("--term-months", type=AMOUNT, help="Pay for a reservation of this length.")
@click.option("--resale", type=FiniteRange(0, 1), default=0.0, help="Share sublet.")
@click.option("--layers", type=AMOUNT, help="For activations, with the next two.")
@click.option("--hidden-size", type=AMOUNT)
@click.option("--attention-heads", type=AMOUNT)
@click.option("--sequence-tokens", type=AMOUNT, default=8192.0, show_default=True)
@click.option("--country", default="US", show_default=True, help="Of the electricity and grid.")
@past_options
@format_choice
@json_flag
def train(
    model: str | None,
    parameters: float | None,
    active_parameters: float | None,
    tokens: float | None,
    flops: float | None,
    budget_usd: float | None,
    target_loss: float | None,
    fit: str | None,
    gpu: str,
    gpu_count: int | None,
    deadline_days: float | None,
    precision: str,
    mfu: float | None,
    goodput: float | None,
    price: float | None,
    purchase: str,
    runs: str,
    term_months: float | None,
    resale: float,
    layers: float | None,
    hidden_size: float | None,
    attention_heads: float | None,
    sequence_tokens: float,
    country: str,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a training run takes and costs, with an interval, and its alternatives.

    MODEL is a model of the warehouse: one of core.model is planned anew, one that Epoch AI knows
    is shown at its own date and at today's prices. Else give parameters and tokens, or a budget,
    or a loss to reach.

    \b
    truecost train --parameters 70B --tokens 15T --gpus 4096
    truecost train --budget 10M --runs all
    truecost train --target-loss 1.95 --fit corrected --deadline-days 60
    truecost train GPT-4 --as-of 2026-08-01
    """
    from pipelines.costing import planner

    is_needed = price is None or model is not None
    with _answering(), _connection(past, is_needed=is_needed) as connection:
        history: list[dict[str, Any]] = []
        if model is not None:
            if past is not None:
                derive_costs(connection)
            history, known = _known_model(connection, model)
            if known is None and not (parameters or flops or budget_usd or target_loss):
                _print_history(history, output)
                return
            if known is not None:
                parameters = parameters or known["parameters"]
                active_parameters = active_parameters or known["active_parameters"]
                tokens = tokens or known["training_tokens"]
                flops = flops or known["training_flops"]
                layers = layers or known["layers"]
                hidden_size = hidden_size or known["hidden_size"]
                attention_heads = attention_heads or known["attention_heads"]
        if connection is not None:
            from pipelines.commands.published import one_of

            gpu = one_of("GPU", gpu, planner.gpu_names(connection))
        facts = planner.gpu_facts(connection, gpu, precision, purchase, price)
        choices = planner.Choices(
            gpu_count=gpu_count,
            deadline_days=deadline_days,
            utilisation_fraction=mfu,
            goodput_fraction=goodput,
            is_all_runs=runs == "all",
            term_months=term_months,
            resale_fraction=resale,
            country=country,
            layers=layers,
            hidden_size=hidden_size,
            attention_heads=attention_heads,
            sequence_tokens=sequence_tokens,
        )
        if budget_usd is not None:
            if parameters or flops or target_loss:
                raise Refused("--budget sizes the model: give it without parameters, FLOPs or loss")
            size = planner.size_for_budget(budget_usd, facts, choices, fit)
        else:
            size = planner.sizing(
                parameters=parameters,
                active_parameters=active_parameters,
                tokens=tokens,
                flops=flops,
                target_loss=target_loss,
                fit=fit,
            )
        answer = planner.training_answer(size, facts, choices, _day(past))
        answer["offers"] = planner.offers_for(connection, size, answer["plan"], precision)
        answer["history"] = history
    if output == "json":
        click.echo(json.dumps(plain(answer), indent=1))
    elif output == "csv":
        print_rows(list(answer["plan"]), [list(answer["plan"].values())], "csv")
    else:
        _print_plan(answer)


@contextmanager
def _connection(past: Past | None, *, is_needed: bool) -> Iterator[Any]:
    """Open the published file; without one give None, or refuse where it is needed."""
    from pipelines.commands.published import published

    with ExitStack() as opened:
        try:
            connection = opened.enter_context(published(past))
        except Refused:
            if is_needed or past is not None:
                raise
            connection = None
        yield connection


def _known_model(connection: Any, model: str) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the model's costs in the warehouse, and its figures if it is a reference model."""
    from pipelines.commands.published import fold, one_of

    reference = _rows(
        connection,
        "select model_id, name, epoch_model_name, parameters, active_parameters, training_tokens,"
        " training_flops, layers, hidden_size, attention_heads from core.model",
    )
    found = next(
        (row for row in reference if fold(model) in (fold(row["model_id"]), fold(row["name"]))),
        None,
    )
    if found is None:
        names = [
            row["model"]
            for row in _rows(connection, "select distinct model from marts.training_cost")
        ]
        ids = [row["model_id"] for row in reference]
        name = one_of("model", model, [*names, *ids])
        found = next((row for row in reference if row["model_id"] == name), None)
        epoch_name = found["epoch_model_name"] if found else name
    else:
        epoch_name = found["epoch_model_name"]
    history = _rows(
        connection,
        """
        select method, price_basis, day, hardware, gpu_id, gpu_hours, usd_nominal, usd_real,
            real_month, low, high, low_80, high_80, energy_kwh, carbon_kg, confidence, reason,
            source_url, model
        from marts.training_cost
        where model = ?
        order by method, price_basis
        """,
        [epoch_name or ""],
    )
    return history, found


def _rows(connection: Any, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    import duckdb

    from pipelines.commands.published import refuse_duckdb

    try:
        cursor = connection.execute(sql, list(values))
    except duckdb.Error as error:
        raise refuse_duckdb(error, connection) from error
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _print_history(history: list[dict[str, Any]], output: str | None) -> None:
    columns = [
        *("method", "price_basis", "day", "hardware", "gpu_hours", "usd_nominal", "usd_real"),
        *("low", "high", "confidence", "reason"),
    ]
    if output == "json":
        click.echo(json.dumps(plain({"history": history}), indent=1))
        return
    title = f"{history[0]['model']}: cost by method and price, USD, 90 % interval"
    print_rows(columns, [[row[name] for name in columns] for row in history], output, title)
    if output in (None, "table"):
        click.echo(CREDIT)


def gigabytes(size_bytes: float | None) -> float | None:
    """Return bytes as gigabytes; what is not known stays so."""
    return None if size_bytes is None else size_bytes / 1e9


def between(low: float, high: float) -> str:
    """Return an interval for people."""
    return f"{significant(low)} to {significant(high)}"


def _print_plan(answer: Mapping[str, Any]) -> None:
    size, plan, memory, power = answer["model"], answer["plan"], answer["memory"], answer["energy"]
    print_table(
        ("", "value", "unit"),
        [
            ("parameters", float(size["parameters"]), ""),
            ("tokens", float(size["tokens"]), "token"),
            ("compute", f"{size['flops']:.3g}", "FLOP"),
            ("predicted loss, corrected fit", size["losses"]["corrected"], "nat/token"),
            ("training state", gigabytes(memory["training_state_bytes"]), "GB"),
            ("GPUs that hold one copy", memory["minimum_gpus"], answer["gpu"]["gpu_id"]),
            ("activations on each", gigabytes(memory["activation_bytes_per_gpu"]), "GB"),
            ("cluster", plan["gpu_count"], "GPU"),
            ("utilisation x goodput", plan["utilisation_fraction"] * plan["goodput_fraction"], "1"),
            ("duration of the final run", plan["days"], "d"),
            ("GPU-hours", plan["gpu_hours"], "GPU h"),
            ("price", answer["gpu"]["usd_per_gpu_hour"], "USD/(GPU h)"),
            ("cost", plan["usd"], "USD"),
            ("80 % interval", between(plan["usd_low_80"], plan["usd_high_80"]), "USD"),
            ("90 % interval", between(plan["usd_low"], plan["usd_high"]), "USD"),
            ("energy", (power["kwh"] or 0) / 1e3 if power["kwh"] else None, "MWh"),
            ("electricity", power["electricity_usd"], f"USD, {power['country']}"),
            ("carbon", power["carbon_kg"] and power["carbon_kg"] / 1e3, "tCO2e"),
        ],
        f"Training on {answer['gpu']['gpu_id']} ({answer['gpu']['price_source']})",
    )
    if "reservation" in answer:
        row = answer["reservation"]
        click.echo(
            f"on a term of {row['term_months']:g} months: {row['multiplier']:.2f} times the"
            f" price of the months used, {row['usd']:,.0f} USD"
        )
    print_table(
        ("GPUs", "days", "USD"),
        [(row["gpu_count"], row["days"], row["usd"]) for row in answer["frontier"]],
        "time against cost",
    )
    if answer["offers"]:
        columns = (
            *("gpu_id", "provider_id", "gpu_count", "purchase_model", "usd_per_gpu_hour"),
            *("minimum_gpus", "gpu_hours", "usd"),
        )
        print_table(
            columns,
            [[row[name] for name in columns] for row in answer["offers"]],
            "cheapest whole servers, at the same utilisation (how many there are is not told)",
        )
    _print_assumptions(answer["assumptions"])
    if answer["history"]:
        _print_history(answer["history"], None)


def _print_assumptions(rows: Sequence[Mapping[str, Any]]) -> None:
    print_table(
        ("assumption", "value", "unit", "source"),
        [(row["name"], row["value"], row["unit"], row["source"]) for row in rows],
        "assumptions",
    )


@click.command("own-vs-rent")
@click.option("--gpu", default=DEFAULT_GPU, show_default=True, help="An id of core.gpu.")
@click.option("-n", "--gpus", "gpu_count", type=CLUSTER, default=1024, show_default=True)
@click.option("--price", type=AMOUNT, help="Rent, instead of the tracked price. [USD/(GPU h)]")
@click.option("--purchase-usd", type=AMOUNT, help="One GPU with its share of a server. [USD]")
@click.option("--utilisation", type=AMOUNT, help="Hours that the owner uses, 0 to 1.")
@click.option("--lifetime-years", type=AMOUNT)
@click.option("--interest", type=FiniteRange(0, 1), help="A year, 0 to 1.")
@click.option("--usd-per-kwh", type=AMOUNT, help="Electricity.")
@click.option("--watts", type=AMOUNT, help="Board power of one GPU.")
@click.option("--country", default="US", show_default=True)
@past_options
@format_choice
@json_flag
def own_vs_rent(
    gpu: str,
    gpu_count: int,
    price: float | None,
    purchase_usd: float | None,
    utilisation: float | None,
    lifetime_years: float | None,
    interest: float | None,
    usd_per_kwh: float | None,
    watts: float | None,
    country: str,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what owning GPUs costs an hour against renting, and where it breaks even, as a band.

    \b
    truecost own-vs-rent --gpu H100-SXM-80GB --gpus 4096
    truecost own-vs-rent --as-of 2026-08-01
    truecost own-vs-rent --price 2.2 --purchase-usd 28000 --utilisation 0.8 --json
    """
    from pipelines.costing import planner

    with _answering(), _connection(past, is_needed=price is None) as connection:
        if connection is not None:
            from pipelines.commands.published import one_of

            gpu = one_of("GPU", gpu, planner.gpu_names(connection))
        if utilisation is not None and utilisation > 1:
            raise Refused(f"--utilisation {utilisation:g}: must be a fraction in (0, 1]")
        rental, source = _rental(connection, gpu, price)
        fixed = {
            "utilisation_fraction": utilisation,
            "lifetime_years": lifetime_years,
            "interest_fraction": interest,
        }
        answer = planner.ownership_answer(
            gpu,
            gpu_count,
            rental,
            source,
            _day(past),
            purchase_usd=purchase_usd,
            country=country,
            usd_per_kwh=usd_per_kwh,
            fixed={name: value for name, value in fixed.items() if value is not None},
            board_power_watts=watts,
        )
    if output == "json":
        click.echo(json.dumps(plain(answer), indent=1))
        return
    assumptions = answer.pop("assumptions")
    if output == "csv":
        print_rows(list(answer), [list(answer.values())], "csv")
        return
    _print_ownership(answer)
    print_table(
        ("assumption", "value", "low", "high", "unit", "source"),
        [
            (row["name"], row["value"], row.get("low"), row.get("high"), row["unit"], row["source"])
            for row in assumptions
        ],
        "assumptions",
    )


def _rental(connection: Any, gpu: str, price: float | None) -> tuple[dict[str, float], str]:
    if price is not None:
        return {"median": price, "p10": price, "p90": price}, "given"
    from pipelines.costing.planner import gpu_price

    middle, low, high, source = gpu_price(connection, gpu, "on_demand")
    return {"median": middle, "p10": low, "p90": high}, source


def _print_ownership(answer: Mapping[str, Any]) -> None:
    def band(name: str, low: str, high: str, unit: str) -> tuple[str, Any, Any, Any, str]:
        return (name.replace("_", " "), answer[name], answer[low], answer[high], unit)

    print_table(
        ("", "central", "low", "high", "unit"),
        [
            ("rent on demand", answer["rental_usd_per_gpu_hour"], None, None, "USD/(GPU h)"),
            band("owned_usd_per_gpu_hour", "low", "high", "USD/(GPU h)"),
            band(
                "break_even_utilisation_fraction",
                "break_even_utilisation_low",
                "break_even_utilisation_high",
                "1",
            ),
            band("break_even_month", "break_even_month_low", "break_even_month_high", "month"),
            band(
                "break_even_spend_usd_per_year",
                "break_even_spend_low",
                "break_even_spend_high",
                "USD/year",
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
    share = answer["probability_owning_is_cheaper"]
    click.echo(f"Owning is cheaper in {share:.0%} of the draws.")
    verdict = "lies inside" if answer["rule_50_million_is_in_band"] else "lies outside"
    click.echo(
        "The rule of thumb that owning starts to pay above 50 million USD of rent a year"
        f" {verdict} our band."
    )


@click.command()
@click.option("--job-months", type=AMOUNT, required=True, help="How long it is needed.")
@click.option("--term-months", type=AMOUNT, multiple=True, help="Default: 12 and 36.")
@click.option("--resale", type=FiniteRange(0, 1), default=0.0, show_default=True)
@click.option("--gpu", help="An id of core.gpu; without one only the multiplier is told.")
@click.option("--on-demand-price", type=AMOUNT, help="[USD/(GPU h)]")
@click.option("--reserved-price", type=AMOUNT, help="[USD/(GPU h)]")
@past_options
@format_choice
@json_flag
def reserve(
    job_months: float,
    term_months: tuple[float, ...],
    resale: float,
    gpu: str | None,
    on_demand_price: float | None,
    reserved_price: float | None,
    past: Past | None,
    output: str | None,
) -> None:
    """Print what a reservation really costs a job of some months, and when it breaks even.

    \b
    truecost reserve --job-months 2 --term-months 24
    truecost reserve --job-months 6 --gpu H100-SXM-80GB
    """
    from pipelines.costing import planner

    if past is not None and gpu is None:
        raise Refused("--as-of needs --gpu: without one no price is asked for")
    answers: list[dict[str, Any]] = []
    with _answering():
        if gpu is None or (on_demand_price and reserved_price):
            terms = term_months or (12.0, 36.0)
            answers = [
                {"gpu_id": gpu}
                | planner.reservation_answer(
                    job_months, term, resale, reserved_price, on_demand_price
                )
                for term in terms
            ]
        else:
            from pipelines.commands.published import one_of, published

            with published(past) as connection:
                gpu = one_of("GPU", gpu, planner.gpu_names(connection))
                answers = planner.tracked_reservations(
                    connection, gpu, job_months, term_months, resale, on_demand_price
                )
    columns = list(answers[0])
    print_rows(
        columns,
        [list(row.values()) for row in answers],
        output,
        f"a job of {job_months:g} months; resale of unused months: {resale:.0%}",
    )
    if output in (None, "table"):
        click.echo(
            "multiplier = (job + unused months x (1 - resale)) / job; prices are tracked medians"
            " of one kind of market unless given"
        )
