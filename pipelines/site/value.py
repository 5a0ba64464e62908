"""Dollars per useful thing: operations, memory, bandwidth."""

from __future__ import annotations

from pipelines.site import charts, numbers
from pipelines.site.market import LIST_PRICES, PROVIDERS_NEEDED, gpu_link
from pipelines.site.page import Block, Chart, Column, Filter, Page, Table, choices, words
from pipelines.site.published import Answer, Published, Row
from pipelines.site.theme import family

CHARTED = 24
PETAFLOP_HOUR = 3.6  # exaFLOP that one PFLOP/s does in an hour: 3600 s x 1e15 / 1e18

COSTS = """
    select
        c.gpu_id, c.precision, c.purchase_model, c.usd_per_gpu_hour,
        c.usd_per_exaflop_peak * 3.6 as peak,
        c.utilisation_fraction,
        c.usd_per_exaflop_effective * 3.6 as effective,
        c.low * 3.6 as low, c.high * 3.6 as high,
        c.usd_per_gigabyte_hour * 1000 as memory,
        c.usd_per_terabyte_per_second_hour as bandwidth,
        c.provider_count, c.day, g.architecture, g.is_coarse
    from marts.cost_per_flop as c
    left join core.gpu as g on c.gpu_id = g.gpu_id
    where c.market_family = 'all' and c.commitment_months is null
        and c.day = (select max(day) from marts.cost_per_flop)
    order by c.usd_per_exaflop_effective, c.gpu_id
"""
GROWTH = """
    select quantity, precision, growth_per_year, ci_low, ci_high, ci_level, years_to_double,
        gpu_count, r_squared, first_released_on, last_released_on, priced_on
    from marts.flop_trend
    order by quantity, precision
"""


def value_page(published: Published) -> Page:
    """Return the page of dollars per useful thing."""
    answer = published.ask(COSTS)
    rows = [{**row, "family": family(row["architecture"])} for row in answer.rows]
    return Page(
        path="value.html",
        name="Value",
        title=headline(rows),
        basis="All markets, without a commitment, at the median list price per GPU-hour; dense"
        f" peaks only. Lower is better. {LIST_PRICES}",
        filters=[
            Filter("precision", "precision (dense)", choices(rows, "precision"), "bf16"),
            Filter("purchase_model", "bought", choices(rows, "purchase_model"), "on_demand"),
        ],
        blocks=[
            dots(
                answer, rows, "operations", "peak", "USD per PFLOP-h, dense", "PFLOP-hour",
                basis="A PFLOP-hour is 10^15 FLOP/s for an hour. Solid: at the printed dense peak."
                " Hollow: estimate at the share of the peak that training commonly reaches, with"
                " the interval from cheap prices and well-used chips to dear prices and idle ones"
                " (p10–p90 of prices).",
            ),
            dots(answer, rows, "memory", "memory", "USD per TB-h of GPU memory", "TB-hour",
                 basis="A terabyte of GPU memory (HBM or GDDR) for an hour."),
            dots(answer, rows, "bandwidth", "bandwidth", "USD per TB/s-h", "TB/s-hour",
                 basis="A terabyte per second of memory bandwidth for an hour: what decoding"
                 " tokens mostly pays for."),
            table(answer, rows),
            growth(published),
        ],
    )  # fmt: skip


def usual(rows: list[Row]) -> list[Row]:
    """Return the rows that the page shows first: bf16, on demand."""
    return [
        row for row in rows if row["precision"] == "bf16" and row["purchase_model"] == "on_demand"
    ]


def headline(rows: list[Row]) -> str:
    """Return the GPU that gives most operations for a dollar."""
    known = [row for row in usual(rows) if row["provider_count"] >= PROVIDERS_NEEDED]
    if not known:
        return "What an operation costs is not known today"
    best = min(known, key=lambda row: row["effective"])
    return (
        f"{best['gpu_id']} gives the cheapest dense bf16 PFLOP-hour:"
        f" {numbers.usd(best['effective'])} at"
        f" {numbers.percent(best['utilisation_fraction'])} of its peak"
    )


def dots(
    answer: Answer, rows: list[Row], id: str, field: str, title: str, thing: str, basis: str
) -> Block:
    """Return one chart of a dot a GPU, the cheapest of every choice of filters."""
    known = [
        row for row in rows if row[field] is not None and row["provider_count"] >= PROVIDERS_NEEDED
    ]
    chosen: list[Row] = []
    seen: dict[tuple[str, str], int] = {}
    for row in sorted(known, key=lambda row: row[field]):
        choice = (row["precision"], row["purchase_model"])
        seen[choice] = seen.get(choice, 0) + 1
        if seen[choice] <= CHARTED:
            chosen.append(row)
    first = usual(chosen)
    if not first:
        return Block(id, f"What a {thing} costs is not known today", basis, answer=answer)
    best, worst = first[0], first[-1]
    return Block(
        id,
        f"A {thing}{' at the dense bf16 peak' if field == 'peak' else ''} costs"
        f" {numbers.usd(best[field])} on {best['gpu_id']} and"
        f" {numbers.usd(worst[field])} on {worst['gpu_id']}",
        f"{basis} The {CHARTED} cheapest of the choice above with at least {PROVIDERS_NEEDED}"
        " providers.",
        answer=answer,
        chart=Chart(
            charts.value_dots(
                field, title, charts.is_wide([r[field] for r in first]), field == "peak"
            ),
            [
                {
                    key: row[key]
                    for key in (
                        "gpu_id", "family", "precision", "purchase_model", "usd_per_gpu_hour",
                        "provider_count", "day", field,
                        *(("effective", "low", "high", "utilisation_fraction")
                          if field == "peak" else ()),
                    )
                }
                for row in chosen
            ],
            f"{title} by GPU",
        ),
    )  # fmt: skip


def table(answer: Answer, rows: list[Row]) -> Block:
    """Return all GPUs of the choice, with inputs and results side by side."""
    return Block(
        "all-values",
        "Every GPU, with the price and the peak behind each figure",
        "Peak: at the printed dense peak. Effective: at the share of the peak beside it; low and"
        " high are its interval. Chips without a row have no price or no printed peak.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("precision", "precision, dense"),
                Column("purchase_model", "bought", show=words),
                Column("usd_per_gpu_hour", "median", "USD/GPU-h"),
                Column("peak", "peak", "USD/PFLOP-h"),
                Column("utilisation_fraction", "share of peak", "%", show=share),
                Column("effective", "effective", "USD/PFLOP-h"),
                Column("low", "low", "USD/PFLOP-h"),
                Column("high", "high", "USD/PFLOP-h"),
                Column("memory", "memory", "USD/TB-h"),
                Column("bandwidth", "bandwidth", "USD/(TB/s)-h", reason="no printed bandwidth"),
                Column("provider_count", "providers"),
            ],
            rows=rows,
        ),
    )


def share(value: float, _: Row) -> str:
    """Return a fraction as a bare percentage, its sign being in the heading."""
    return f"{100 * value:.0f}"


def growth(published: Published) -> Block:
    """Return how fast chips get better."""
    answer = published.ask(GROWTH)
    rental = [
        row for row in answer.rows if "rental" in row["quantity"] and row["precision"] == "bf16"
    ]
    title = "How fast chips get better"
    if rental:
        title = (
            f"What a rented dollar computes grows {numbers.figure(rental[0]['growth_per_year'])}"
            " times for each year of release (bf16 dense)"
        )
    return Block(
        "growth",
        title,
        "Least squares on the logarithm over release dates; the interval is that of the slope.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("quantity", "quantity", show=lambda text, _: text.replace("_", " ")),
                Column("precision", "precision, dense"),
                Column("growth_per_year", "growth", "factor/year"),
                Column("ci_low", "low", "factor/year"),
                Column("ci_high", "high", "factor/year"),
                Column("ci_level", "level", "%", show=share),
                Column("years_to_double", "doubles in", "years", reason="it does not grow"),
                Column("gpu_count", "chips"),
                Column("r_squared", "R²"),
            ],
        ),
    )
