"""What training runs cost: then, now, and planned."""

from __future__ import annotations

import math
import statistics
from datetime import date
from typing import Any

from pipelines.site import charts, numbers
from pipelines.site.market import LIST_PRICES
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    choices,
    link,
    percentage,
)
from pipelines.site.published import Published, Row
from pipelines.site.theme import family

SELECTION, METHOD, BASIS = "top 10", "amortized", "clean"
CHEAPEST_CHARTED = 100.0  # USD: cheaper runs are toys, and stand in the table only
Z_80 = statistics.NormalDist().inv_cdf(0.9)

COSTS = """
    select
        model, model_number, published_on, organization, method, price_basis, hardware,
        is_hardware_imputed, training_flops, gpu_hours, gpu_hours_method, usd_per_gpu_hour,
        usd_nominal, usd_real, real_month, low, high, chip_usd, server_usd, interconnect_usd,
        energy_usd, energy_kwh, confidence, compute_rank, day, source_url
    from marts.training_cost
    where method = {method} and price_basis = {basis} and usd_nominal is not null
    order by usd_real desc, model
"""
TREND = """
    select
        selection, method, price_basis, growth_per_year, ci_low, ci_high, ci_level, model_count,
        r_squared, slope_orders_per_year, residual_deviation_orders, usd_2027_mean,
        usd_1e9_reached_mean_on, usd_1e9_reached_anchored_on, real_month,
        is_imputed_hardware_counted
    from marts.training_cost_trend
    order by method, price_basis, selection, ci_level
"""
TODAY = """
    select
        then_.model, then_.model_number, then_.published_on, then_.hardware, then_.gpu_hours,
        then_.usd_nominal as usd_then,
        now_.usd_nominal as usd_now, now_.low_80 as low, now_.high_80 as high, now_.day,
        now_.price_basis
    from marts.training_cost as then_
    inner join marts.training_cost as now_
        on then_.model = now_.model and then_.published_on = now_.published_on
    where then_.method = 'rental' and then_.price_basis = {basis}
        and now_.method = 'rental' and now_.price_basis like 'tracked%'
        and now_.usd_nominal is not null
    qualify row_number() over (
        partition by then_.model, then_.model_number
        order by now_.price_basis = 'tracked_same_chip' desc
    ) = 1
    order by now_.usd_nominal desc, then_.model
    limit 60
"""
PLAN = """
    select
        c.gpu_id, n.gpu_count as cluster, c.precision,
        6.0 * 70e9 * 15e12
            / (c.flops_per_second * c.utilisation_fraction * n.gpu_count) / 86400 as days,
        6.0 * 70e9 * 15e12 / 1e18 * c.usd_per_exaflop_effective as usd,
        6.0 * 70e9 * 15e12 / 1e18 * c.low as low,
        6.0 * 70e9 * 15e12 / 1e18 * c.high as high,
        c.usd_per_gpu_hour, c.utilisation_fraction, c.provider_count, c.day, g.architecture
    from marts.cost_per_flop as c
    cross join (values (256), (1024), (4096)) as n (gpu_count)
    left join core.gpu as g on c.gpu_id = g.gpu_id
    where c.precision = 'bf16' and c.purchase_model = 'on_demand' and c.market_family = 'all'
        and c.provider_count >= 3 and g.memory_bytes >= 64e9
        and c.day = (select max(day) from marts.cost_per_flop)
    order by usd, cluster
"""
TRUTH = """
    select
        case_id, model, quantity, unit, predicted, reported, reported_high, ratio,
        tolerance_ratio, is_within_tolerance, low, high, is_covered, price_basis, source,
        source_url, note
    from marts.training_backtest
    order by quantity, model, case_id
"""


def training_page(published: Published) -> Page:
    """Return the page of training costs."""
    trend = published.ask(TREND)
    fits = [row for row in trend.rows if row["method"] == METHOD and row["price_basis"] == BASIS]
    fit = next((row for row in fits if row["selection"] == SELECTION), fits[0] if fits else None)
    plan = published.ask(PLAN)
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
    """Return the growth of training cost with its interval."""
    if fit is None:
        return "How training costs grow is not known yet"
    return (
        f"The cost of training frontier models grows {numbers.figure(fit['growth_per_year'])}"
        f" times a year ({numbers.figure(fit['ci_low'])} to {numbers.figure(fit['ci_high'])})"
    )


def over_time(published: Published, fit: Row | None) -> Block:
    """Return the cost of models against their publication, with the fitted line."""
    answer = published.ask(COSTS, method=METHOD, basis=BASIS)
    known = [row for row in answer.rows if row["usd_real"] and row["published_on"]]
    rows: list[Row] = [
        {
            "part": "model",
            **{
                key: row[key]
                for key in ("model", "published_on", "hardware", "gpu_hours_method", "confidence")
            },
            "usd_real": row["usd_real"],
            # the interval is in money of the day: carried over to money of the month
            "low": row["low"] and row["low"] * row["usd_real"] / row["usd_nominal"],
            "high": row["high"] and row["high"] * row["usd_real"] / row["usd_nominal"],
            "is_solid": row["gpu_hours_method"] == "reported",
            "is_leading": row["compute_rank"] is not None and row["compute_rank"] <= 10,
        }
        for row in known
        if row["usd_real"] >= CHEAPEST_CHARTED
    ]
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
        chart=Chart(charts.training_trend(f"USD of {month}"), rows, "Training cost over time")
        if known
        else None,
        table=Table(
            answer,
            [
                Column("model", "model", show=lambda v, row: link(row["source_url"], v)),
                Column("published_on", "published"),
                Column("hardware", "hardware", reason="not known"),
                Column("gpu_hours", "chip-hours", "h"),
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


def fitted(fit: Row, first: date, last: date) -> list[Row]:
    """Return points of the fitted line and of the band in which 80 % of models fall."""
    end = date(2027, 1, 1)
    spread = Z_80 * fit["residual_deviation_orders"]
    points = []
    for step in range(33):
        day = date.fromordinal(
            round(first.toordinal() + (last.toordinal() - first.toordinal()) * step / 32)
        )
        years = (day - end).days / 365.25
        orders = math.log10(fit["usd_2027_mean"]) + fit["slope_orders_per_year"] * years
        points.append(
            {
                "part": "fit", "published_on": day, "fit": 10**orders,
                "fit_low": 10 ** (orders - spread), "fit_high": 10 ** (orders + spread),
                "model_count": fit["model_count"],
            }
        )  # fmt: skip
    return points


def growth(trend: Any) -> Block:
    """Return every fit, so that nobody must trust one choice."""
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
    """Return the same runs at today's prices."""
    answer = published.ask(TODAY, basis=BASIS)
    title = "The same runs at today's prices"
    both = [row for row in answer.rows if row["usd_then"] and row["usd_now"]]
    if both:
        ratio = statistics.median(row["usd_now"] / row["usd_then"] for row in both)
        title = (
            f"Rented today, the run of a typical model costs {numbers.figure(ratio)} times what"
            " it cost then"
        )
    return Block(
        "then-and-now",
        title,
        "Rental cost in money of the day: at the time of training, and at the tracked median on"
        " demand of the newest day, on the same chip or on H100. Interval 80 %.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("published_on", "published"),
                Column("hardware", "hardware", reason="not known"),
                Column("gpu_hours", "chip-hours", "h"),
                Column("usd_then", "then", "USD million", millions, "no rental price then"),
                Column("usd_now", "now", "USD million", millions),
                Column("low", "low", "USD million", millions),
                Column("high", "high", "USD million", millions),
                Column("price_basis", "prices", show=lambda v, _: v.replace("_", " ")),
                Column("day", "day"),
            ],
            key=("model", "model_number"),
        ),
    )


def planner(plan: Any) -> Block:
    """Return cost and duration of one planned run on GPUs and sizes of cluster."""
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
        " reaches, at the median price on demand; bars: from cheap prices and well-used chips to"
        " dear and idle ones (p10–p90 of prices). Another size: truecost train --params N"
        f" --tokens D. {LIST_PRICES}",
        answer=plan,
        chart=Chart(
            charts.training_plan(frozenset(row["family"] for row in rows)),
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
                Column("usd_per_gpu_hour", "median", "USD/GPU-h"),
                Column("provider_count", "providers"),
            ],
            key=("gpu_id", "cluster"),
        ),
        is_folded=True,
        caveats=("That as many GPUs can be had at the median price is assumed, not known.",),
    )


def truth(published: Published) -> Block:
    """Return predicted against reported figures."""
    answer = published.ask(TRUTH)
    hours = [
        row
        for row in answer.rows
        if row["quantity"] == "chip_hours" and row["predicted"] and row["reported"]
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
    if rows:
        ends = [row[key] for row in hours for key in ("reported", "predicted")]
        rows += [{"part": "line", "reported": end, "predicted": end}
                 for end in (min(ends), max(ends))]  # fmt: skip
    return Block(
        "truth",
        title,
        "The chart holds chip-hours; the table every quantity. Covered: our interval meets the"
        " published value.",
        answer=answer,
        chart=Chart(charts.calibration("chip-hours"), rows, "Predicted against reported")
        if rows
        else None,
        table=Table(
            answer,
            [
                Column("model", "model"),
                Column("quantity", "quantity", show=lambda v, _: v.replace("_", " ")),
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
