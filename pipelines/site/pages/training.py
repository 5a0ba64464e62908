"""The page of training: the cost of runs then, now, and planned."""

from __future__ import annotations

import statistics

from pipelines.site import numbers
from pipelines.site.charts.accuracy import calibration
from pipelines.site.charts.training import training_plan, training_trend
from pipelines.site.markup import link
from pipelines.site.numbers import percentage, words
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.pages.prices import LIST_PRICES, moved
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.accuracy import with_equality
from pipelines.site.rows.prices import PROVIDERS_NEEDED, has_enough, on_demand
from pipelines.site.rows.training import CHEAPEST_CHARTED, fitted, run_marks
from pipelines.site.theme import family

LISTED = 60  # rows of the table; the file has all
SELECTION, METHOD, BASIS = "top 10", "amortized", "clean"


def training_page(published: Published) -> Page:
    """Return the page of training costs."""
    trend = published.ask("training/growth")
    fits = [row for row in trend.rows if row["method"] == METHOD and row["price_basis"] == BASIS]
    fit = next((row for row in fits if row["selection"] == SELECTION), fits[0] if fits else None)
    plan = published.ask("training/plan")
    return Page(
        path="training.html",
        name="Training",
        title=headline(fit),
        evidence="growth",
        basis="Costs of the final training run; data on models from Epoch AI (CC BY 4.0)."
        " Estimates from reported or imputed hardware and hours: hollow marks where the hours are"
        " computed, solid ones where they were reported.",
        filters=[
            Filter("confidence", "confidence", ["high", "medium", "low"]),
            Filter("gpu_id", "GPU", choices(plan.rows, "gpu_id")),
        ],
        blocks=[
            over_time(published, fit),
            growth(trend),
            then_and_now(published),
            planner(plan),
            truth(published),
        ],
    )  # fmt: skip


def headline(fit: Row | None) -> str:
    """Return the finding: the growth of training cost, with its interval."""
    if fit is None:
        return "How training costs grow is not known yet"
    return (
        f"The cost of training frontier models grows {numbers.figure(fit['growth_per_year'])}"
        f" times a year ({numbers.figure(fit['ci_low'])} to {numbers.figure(fit['ci_high'])})"
    )


def over_time(published: Published, fit: Row | None) -> Block:
    """Return the block on cost against publication, with the fitted line."""
    answer = published.ask("training/costs", method=METHOD, basis=BASIS)
    known = [row for row in answer.rows if row["usd_real"] and row["published_on"]]
    rows = run_marks(known)
    month = known[0]["real_month"] if known else ""
    title = "What training runs cost over time"
    if known:
        dearest = known[0]
        title = (
            f"The dearest of {len(known)} training runs, {dearest['model']}, cost"
            f" {numbers.usd(dearest['usd_real'])}"
        )
        if fit is not None:
            years = sorted(row["published_on"] for row in known if row["compute_rank"])
            rows += fitted(fit, years[0], years[-1]) if years else []
    return Block(
        "over-time",
        title,
        f"Amortized cost: hardware used up, interconnect and energy; USD of {month}; log axis."
        f" Runs under ${CHEAPEST_CHARTED:.0f} are in the files only. Strong marks with 90 %"
        " intervals: among the ten largest of their time. Line: fit over the models that led by"
        " compute"
        + (
            f" ({fit['selection']}, {fit['model_count']} models, R² {fit['r_squared']:.2f});"
            " band: where 80 % of models fall."
            if fit
            else "."
        ),
        answer=answer,
        chart=Chart(training_trend(f"USD of {month}"), rows, "Training cost over time")
        if known
        else None,
        table=Table(
            answer,
            [
                Column("model", "model", show=lambda v, row: link(row["source_url"], v)),
                Column("published_on", "published"),
                Column("hardware", "hardware", reason="not known"),
                Column("gpu_hours", "GPU-hours", "h"),
                Column("gpu_hours_method", "from"),
                Column("usd_nominal", "cost then", "USD million", millions),
                Column("low", "low", "USD million", millions),
                Column("high", "high", "USD million", millions),
                Column("usd_real", "cost", f"million USD of {month}", millions),
                Column("energy_kwh", "energy", "kWh"),
                Column("confidence", "confidence"),
            ],
            key=("model_number",),
            rows=answer.rows[:200],
        ),
        is_folded=True,
        caveats=(
            "A model is here only if its compute, or its hardware and hours, are known or can be"
            " imputed: the most secretive runs are missing.",
            "One final run: experiments, failed runs and staff are not in it.",
        ),
    )


def millions(value: float, _: Row) -> str:
    """Return an amount in millions."""
    return numbers.figure(value / 1e6)


def growth(trend: Answer) -> Block:
    """Return the block of all fits, so that readers can compare selections and methods."""
    reach = [row for row in trend.rows if row["usd_1e9_reached_anchored_on"]]
    title = "Every selection and method, with its interval"
    if reach:
        low = min(row["growth_per_year"] for row in trend.rows)
        high = max(row["growth_per_year"] for row in trend.rows)
        title = (
            f"By selection and method, growth is between {numbers.figure(low)} and"
            f" {numbers.figure(high)} times a year"
        )
    return Block(
        "growth",
        title,
        "Least squares on log10 of real cost; the interval is that of the slope at the level in"
        " its column. A billion dollars: when growth from the dearest model, or the mean line,"
        " gets there.",
        answer=trend,
        table=Table(
            trend,
            [
                Column("selection", "selection"),
                Column("method", "method"),
                Column("price_basis", "prices"),
                Column("growth_per_year", "growth", "factor/year"),
                Column("ci_low", "low", "factor/year"),
                Column("ci_high", "high", "factor/year"),
                Column("ci_level", "level", "%", show=percentage),
                Column("model_count", "models"),
                Column("r_squared", "R²"),
                Column("usd_1e9_reached_anchored_on", "$1 billion, from the dearest"),
                Column("usd_1e9_reached_mean_on", "$1 billion, mean line"),
            ],
            key=("selection", "method", "price_basis", "ci_level", "is_imputed_hardware_counted"),
        ),
    )


def then_and_now(published: Published) -> Block:
    """Return the block on the same runs under the same contract, then and now."""
    answer = published.ask("training/then_and_now")
    return Block(
        "then-and-now",
        then_and_now_title(answer.rows),
        "Rent in money of the day, the same contract on both sides: then by the price list of the"
        " cloud that the organisation used, or the first that had the chip; now at the middle of"
        " the fresh prices of that kind of seller in the US. Where the chip is no longer rented"
        " out, its replacement does the same compute. A run of which one side is not known is left"
        f" out. The title counts runs with {PROVIDERS_NEEDED} or more providers now."
        " Interval 80 %.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("published_on", "published"),
                Column("hardware", "hardware"),
                Column("gpu_hours", "GPU-hours", "h"),
                Column("purchase_model", "contract", show=contract),
                Column("usd_then", "then", "USD million", millions),
                Column("usd_now", "now", "USD million", millions),
                Column("change_fraction", "change", "%", show=moved),
                Column("low", "now, low", "USD million", millions),
                Column("high", "now, high", "USD million", millions),
                Column("then_provider_id", "seller then"),
                Column("then_day", "list of"),
                Column("now_gpu_id", "GPU now"),
                Column("market_family", "sellers now", show=words),
                Column("provider_count", "providers now"),
                Column("day", "seen"),
                Column("confidence", "confidence"),
            ],
            key=("model_number", "purchase_model"),
            rows=answer.rows[:LISTED],
        ),
    )


def contract(purchase_model: str, row: Row) -> str:
    """Return the contract in words, with its length."""
    months = row["commitment_months"]
    return f"{words(purchase_model)}, {months} months" if months else words(purchase_model)


def then_and_now_title(rows: list[Row]) -> str:
    """Return the middle change on demand over the runs whose price now has enough providers."""
    known = [row for row in on_demand(rows) if has_enough(row)]
    if not known:
        return "No run has the same contract then and now from enough providers"
    middle = statistics.median(row["change_fraction"] for row in known)
    return (
        f"Rent of the same runs on demand, then and now: {numbers.percent(middle, signed=True)}"
        f" in the middle of {numbers.plural(len(known), 'run')}"
    )


def planner(plan: Answer) -> Block:
    """Return the block on cost and duration of one planned run, by GPU and cluster size."""
    rows = [{**row, "family": family(row["architecture"])} for row in plan.rows]
    title = "What a planned run costs"
    if rows:
        best = rows[0]
        title = (
            f"70 billion parameters on 15 trillion tokens cost {numbers.usd(best['usd'])} on"
            f" {best['gpu_id']}, the cheapest GPU"
        )
    return Block(
        "plan",
        title,
        "6 × parameters × tokens FLOP at the share of the dense bf16 peak that training commonly"
        " reaches, at the middle of neoclouds in the United States on demand; bars: from low prices"
        " and high utilisation to high prices and low utilisation. Another size: truecost train"
        f" --params N --tokens D. {LIST_PRICES}",
        answer=plan,
        chart=Chart(
            training_plan(frozenset(row["family"] for row in rows)),
            [{k: v for k, v in row.items() if k != "architecture"} for row in rows],
            "Cost against duration",
        )
        if rows
        else None,
        table=Table(
            plan,
            [
                Column("gpu_id", "GPU"),
                Column("cluster", "GPUs"),
                Column("days", "duration", "days"),
                Column("usd", "cost", "USD million", millions),
                Column("low", "low", "USD million", millions),
                Column("high", "high", "USD million", millions),
                Column("usd_per_gpu_hour", "price", "USD/GPU-h"),
                Column("provider_count", "providers"),
            ],
            key=("gpu_id", "cluster"),
        ),
        is_folded=True,
        caveats=("It is assumed that so many GPUs are available at that price.",),
    )


def truth(published: Published) -> Block:
    """Return the block of predicted against reported figures."""
    answer = published.ask("training/backtest")
    hours = [
        row
        for row in answer.rows
        if row["quantity"] == "gpu_hours" and row["predicted"] and row["reported"]
    ]
    ratios = [row["ratio"] for row in answer.rows if row["ratio"]]
    title = "How far we are from reported figures is not known yet"
    if ratios:
        error = statistics.median(abs(ratio - 1) for ratio in ratios)
        title = f"Half of {len(ratios)} published figures are met within {numbers.percent(error)}"
    rows: list[Row] = [
        {"part": "case", "name": row["model"],
         **{key: row[key] for key in ("reported", "predicted", "low", "high", "ratio", "source")}}
        for row in hours
    ]  # fmt: skip
    return Block(
        "truth",
        title,
        "The chart holds GPU-hours; the table every quantity. Covered: our interval meets the"
        " published value.",
        answer=answer,
        chart=Chart(calibration("GPU-hours"), with_equality(rows), "Predicted against reported")
        if rows
        else None,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("quantity", "quantity", show=words),
                Column("unit", "unit"),
                Column("reported", "reported"),
                Column("predicted", "predicted"),
                Column("ratio", "ratio"),
                Column("low", "low"),
                Column("high", "high"),
                Column("is_covered", "covered"),
                Column("source", "source", show=lambda v, row: link(row["source_url"], v)),
                Column("note", "note", reason="none"),
            ],
            key=("case_id", "quantity"),
        ),
        is_folded=True,
    )
