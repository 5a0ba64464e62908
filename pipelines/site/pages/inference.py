"""The page of serving: predicted prices of tokens, and measured results beside predictions."""

from __future__ import annotations

import math
import statistics
from typing import Any

from pipelines.site import numbers
from pipelines.site.charts.accuracy import calibration
from pipelines.site.charts.inference import speed_cost
from pipelines.site.markup import link
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices
from pipelines.site.pages.margins import dumbbells, gpu_set, margin_table
from pipelines.site.pages.prices import LIST_PRICES, model_link
from pipelines.site.published import Answer, Published, Row
from pipelines.site.rows.accuracy import commonest_unit, with_equality
from pipelines.site.rows.inference import pace_marks

SHOWN = 100  # rows of the long tables; the CSV has all
MOST_CHARTED = 500  # points of a chart
USUAL_MODEL = "llama-3.1-70b"  # shown until the reader chooses another, if it has prices
USUAL_WORKLOAD = "chat"
USUAL_LEVEL = "interactive"


def inference_page(published: Published) -> Page:
    """Return the page of serving costs and margins."""
    cheapest = published.ask("inference/cheapest_sets", level=USUAL_LEVEL)
    margin = published.ask("inference/margins")
    workloads = choices(cheapest.rows, "workload")
    models = sorted({*choices(cheapest.rows, "model_id"), *choices(margin.rows, "model_id")})
    return Page(
        path="inference.html",
        name="Inference",
        title=headline(margin.rows, cheapest.rows),
        evidence="all-margins",
        basis="Predicted from a model of each serving step, priced at the middle of neoclouds"
        " in the United States on demand; interval 80 %. Hollow marks are estimates, solid ones"
        f" list prices. {LIST_PRICES} Lower is better.",
        filters=[
            Filter("model_id", "model", models),
            Filter("workload", "workload", workloads, USUAL_WORKLOAD),
            Filter("api_provider_id", "API provider", choices(margin.rows, "api_provider_id")),
        ],
        blocks=[
            dumbbells(margin),
            pareto(published, workloads),
            cheapest_table(cheapest),
            margin_table(margin),
            truth(published),
        ],
    )


def headline(margin: list[Row], cheapest: list[Row]) -> str:
    """Return the finding: the median margin of first-hand lists, or else the cheapest tokens."""
    own = [row["margin_fraction"] for row in margin if not row["is_relisted"]]
    if own:
        losing = sum(value < 0 for value in own)
        return (
            f"Half of {numbers.plural(len(own), 'API price')} leave"
            f" {numbers.percent(statistics.median(own))} or more over the predicted serving cost;"
            f" {losing} are below it"
        )
    if cheapest:
        return f"The cheapest tokens are those of {cheapest_of(cheapest)}"
    return "What tokens cost to serve is not known today"


def cheapest_of(rows: list[Row]) -> str:
    """Return the model with the cheapest tokens, their price and their GPU set."""
    row = min(rows, key=lambda row: row["usd_per_1m"])
    return (
        f"{row['model_id']}: {numbers.usd(row['usd_per_1m'])} a million on"
        f" {row['gpu_count']} × {numbers.gpu_name(row['gpu_id'])}"
    )


def pareto(published: Published, workloads: list[str]) -> Block:
    """Return the block on price against pace, of the sets that no other beats on both."""
    workload = USUAL_WORKLOAD if USUAL_WORKLOAD in workloads else next(iter(workloads), "")
    answer = published.ask("inference/efficient_sets", workload=workload)
    rows = pace_marks(answer.rows)
    models = sorted({row["model_id"] for row in rows})
    usual = ""
    title = "Faster answers cost more"
    if rows:
        usual = USUAL_MODEL if USUAL_MODEL in models else models[0]
        first = [row for row in rows if row["model_id"] == usual]
        low = min(row["usd_per_1m_output"] for row in first)
        high = max(row["usd_per_1m_output"] for row in first)
        title = (
            f"For {usual}, output tokens cost {numbers.usd(low)} to {numbers.usd(high)} a"
            " million, by how fast a user wants them"
        )
    return Block(
        "pace",
        title,
        f"USD per million output tokens against tokens per second that one user sees; workload"
        f" {workload}; only sets that no other beats on both, in steps of 5 % of pace. Bars: 80 %"
        " interval. Choose another model above.",
        answer=answer,
        chart=Chart(
            speed_cost(frozenset(row["family"] for row in rows))
            | {"usermeta": {"usual": {"model_id": usual}}},
            rows,
            "Cost of output tokens against pace",
        )
        if rows
        else None,
        table=Table(
            answer,
            [
                Column("model_id", "model", show=model_link),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column("tokens_per_second_per_user", "pace", "token/s per user"),
                Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
                Column("output_low", "low", "USD/1M tok", toggle="tokens"),
                Column("output_high", "high", "USD/1M tok", toggle="tokens"),
                Column("provider_count", "providers"),
            ],
            key=("model_id", "gpu_id", "gpu_count", "precision", "service_level_id"),
            rows=answer.rows[:SHOWN],
        ),
        is_folded=True,
    )


def cheapest_table(answer: Answer) -> Block:
    """Return the block of the cheapest set for each model and workload."""
    title = "The cheapest set for each model and workload"
    if answer:
        models = {row["model_id"] for row in answer.rows}
        title = (
            f"Of {len(models)} models the cheapest tokens are those of {cheapest_of(answer.rows)}"
        )
    return Block(
        "cheapest-sets",
        title,
        f"Service level {USUAL_LEVEL}; data-centre GPUs of three providers or more, sets that one"
        " provider offers. Replica always full; low and high: 80 % of the"
        " blended price. Provisioned: at the utilisation of a fleet sized for its peak. Limit:"
        " what binds the pace.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model_id", "model", show=model_link),
                Column("workload", "workload"),
                Column("gpu_id", "set", show=gpu_set),
                Column("precision", "precision"),
                Column("usd_per_1m_input", "in", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m_output", "out", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m", "blended", "USD/1M tok", toggle="tokens"),
                Column("low", "low", "USD/1M tok", toggle="tokens"),
                Column("high", "high", "USD/1M tok", toggle="tokens"),
                Column("usd_per_1m_provisioned", "provisioned", "USD/1M tok", toggle="tokens"),
                Column("tokens_per_second_per_user", "pace", "token/s per user"),
                Column("binding_limit", "limit"),
                Column("is_extrapolated", "beyond what was measured"),
                Column("provider_count", "providers"),
                Column("set_provider_id", "cheapest offer of"),
                Column("set_usd_per_gpu_hour", "which asks", "USD/GPU-h"),
            ],
            key=("model_id", "workload"),
        ),
    )


def truth(published: Published) -> Block:
    """Return the block of predicted against measured results."""
    answer = published.ask("inference/backtest")
    scored = [row for row in answer.rows if row["reason"] is None and row["ratio"]]
    title = "How far the model is from what was measured is not known yet"
    if scored:
        error = statistics.median(abs(row["ratio"] - 1) for row in scored)
        title = (
            f"Half of {len(scored)} measured results are predicted within {numbers.percent(error)}"
        )
    unit = commonest_unit(scored)
    of_unit = [row for row in scored if row["unit"] == unit]
    charted = of_unit[:: math.ceil(len(of_unit) / MOST_CHARTED) or 1]  # they come by their error
    rows: list[Row] = [
        {
            "part": "case",
            "name": f"{row['model']} on {row['gpu']}",
            **{
                key: row[key]
                for key in ("reported", "predicted", "ratio", "source", "published_on")
            },
        }
        for row in charted
        if row["reported"] > 0 and row["predicted"] > 0
    ]
    return Block(
        "truth",
        title,
        "Predictions from constants fitted without the pair of model and GPU in question. On the"
        f" dashed line both are equal. The chart holds {len(charted)} of the {len(of_unit)} results"
        f" in {unit or 'one unit'}, evenly by their error; the CSV file holds all.",
        answer=answer,
        chart=Chart(calibration(unit), with_equality(rows), "Predicted against measured")
        if rows
        else None,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("gpu", "GPU"),
                Column("gpu_count", "GPUs", reason="not published"),
                Column("precision", "precision"),
                Column("engine", "engine"),
                Column("metric", "metric"),
                Column("unit", "unit"),
                Column("reported", "measured"),
                Column("predicted", "predicted", reason=why_not_scored),
                Column("ratio", "ratio", reason=why_not_scored),
                Column("source", "source", show=sourced),
            ],
            key=("case_number",),
            rows=answer.rows[:SHOWN],
        ),
        is_folded=True,
    )


def sourced(source: str, row: Row) -> Any:
    """Return the name of a source as a link to its address."""
    return link(row["source_url"], source)


def why_not_scored(row: Row) -> str:
    """Return why a case has no prediction."""
    return str(row["reason"] or "not scored")
