"""Dollars per useful thing: operations, memory, bandwidth."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.site import charts, numbers
from pipelines.site.market import LIST_PRICES, PROVIDERS_NEEDED, gpu_link
from pipelines.site.page import (
    Block,
    Chart,
    Column,
    Filter,
    Page,
    Table,
    choices,
    percentage,
    words,
)
from pipelines.site.published import Answer, Published, Row
from pipelines.site.theme import family

CHARTED = 24
USUAL_FLOP = "achieved"
MARK_FIELDS = (
    "gpu_id", "family", "precision", "purchase_model", "usd_per_gpu_hour", "provider_count", "day",
)  # fmt: skip
# x 3.6: exaFLOP that one PFLOP/s does in an hour, 3600 s x 1e15 / 1e18
COSTS = """
    select
        c.gpu_id, c.precision, c.purchase_model, c.usd_per_gpu_hour,
        c.usd_per_exaflop_peak * 3.6 as peak,
        c.utilisation_fraction,
        c.usd_per_exaflop_effective * 3.6 as effective,
        c.low * 3.6 as low, c.high * 3.6 as high,
        c.usd_per_gigabyte_hour * 1000 as memory,
        c.usd_per_terabyte_per_second_hour as bandwidth,
        peak * d.p10_usd_per_gpu_hour / d.median_usd_per_gpu_hour as peak_low,
        peak * d.p90_usd_per_gpu_hour / d.median_usd_per_gpu_hour as peak_high,
        memory * d.p10_usd_per_gpu_hour / d.median_usd_per_gpu_hour as memory_low,
        memory * d.p90_usd_per_gpu_hour / d.median_usd_per_gpu_hour as memory_high,
        bandwidth * d.p10_usd_per_gpu_hour / d.median_usd_per_gpu_hour as bandwidth_low,
        bandwidth * d.p90_usd_per_gpu_hour / d.median_usd_per_gpu_hour as bandwidth_high,
        c.provider_count, c.day, g.architecture, g.is_coarse
    from marts.cost_per_flop as c
    left join core.gpu as g on c.gpu_id = g.gpu_id
    left join marts.gpu_price_daily as d
        on
            c.gpu_id = d.gpu_id and c.day = d.day and c.purchase_model = d.purchase_model
            and c.market_family = d.market_family and d.commitment_months is null
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
# what is counted -> the columns of its price and of its interval
OPERATIONS = {
    "achieved": ("effective", "low", "high"),
    "peak": ("peak", "peak_low", "peak_high"),
}
MEMORY = {"": ("memory", "memory_low", "memory_high")}
BANDWIDTH = {"": ("bandwidth", "bandwidth_low", "bandwidth_high")}


def value_page(published: Published) -> Page:
    """Return the page of dollars per useful thing."""
    answer = published.ask(COSTS)
    rows = [{**row, "family": family(row["architecture"])} for row in answer.rows]
    return Page(
        path="value.html",
        name="Value",
        title=headline(rows),
        evidence="all-values",
        basis="All markets, without a commitment, at the median list price per GPU-hour; dense"
        f" peaks only. Lower is better. {LIST_PRICES}",
        filters=[
            Filter("precision", "precision (dense)", choices(rows, "precision"), "bf16"),
            Filter("purchase_model", "bought", choices(rows, "purchase_model"), "on_demand"),
            Filter("flop", "operations counted", ["achieved", "peak"], USUAL_FLOP),
        ],
        blocks=[
            dots(
                answer, rows, "operations", OPERATIONS, "USD per PFLOP-h, dense",
                "dense bf16 PFLOP-hour, as training commonly achieves it,",
                basis="A PFLOP-hour is 10^15 FLOP/s for an hour. Achieved (hollow): an estimate at"
                " the share of the peak that training commonly reaches; bar: from cheap prices and"
                " well-used chips to dear prices and idle ones (p10–p90 of prices). Peak (solid):"
                " at the printed dense peak; bar: p10–p90 of prices. Choose above.",
            ),
            dots(answer, rows, "memory", MEMORY, "USD per TB-h of memory", "TB-hour",
                 basis="A terabyte of GPU memory (HBM or GDDR) for an hour; bar: p10–p90 of"
                 " prices."),
            dots(answer, rows, "bandwidth", BANDWIDTH, "USD per TB/s-h", "TB/s-hour",
                 basis="A terabyte per second of memory bandwidth for an hour: what decoding"
                 " tokens mostly pays for; bar: p10–p90 of prices."),
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
    answer: Answer,
    rows: list[Row],
    id: str,
    ways: Mapping[str, tuple[str, str, str]],
    title: str,
    thing: str,
    basis: str,
) -> Block:
    """Return one chart of a dot a GPU, the cheapest of every choice of filters."""
    marks = [
        {
            **{key: row[key] for key in MARK_FIELDS},
            **({"flop": flop} if flop else {}),
            **({"utilisation_fraction": row["utilisation_fraction"]} if flop == "achieved" else {}),
            "usd": row[usd], "low": row[low], "high": row[high],
        }
        for flop, (usd, low, high) in ways.items()
        for row in rows
        if row[usd] is not None and row["provider_count"] >= PROVIDERS_NEEDED
    ]  # fmt: skip
    chosen: list[Row] = []
    seen: dict[tuple[str, ...], int] = {}
    for mark in sorted(marks, key=lambda mark: mark["usd"]):
        choice = (mark["precision"], mark["purchase_model"], mark.get("flop", ""))
        seen[choice] = seen.get(choice, 0) + 1
        if seen[choice] <= CHARTED:
            chosen.append(mark)
    first = [mark for mark in usual(chosen) if mark.get("flop", "") in ("", USUAL_FLOP)]
    if not first:
        return Block(id, f"What a {thing} costs is not known today", basis, answer=answer)
    best, worst = first[0], first[-1]
    return Block(
        id,
        f"A {thing} costs {numbers.usd(best['usd'])} on {best['gpu_id']} and"
        f" {numbers.usd(worst['usd'])} on {worst['gpu_id']}",
        f"{basis} The {CHARTED} cheapest of the choice above with at least {PROVIDERS_NEEDED}"
        " providers.",
        answer=answer,
        chart=Chart(
            charts.value_dots(
                title,
                charts.is_wide([mark[key] for mark in chosen for key in ("usd", "low", "high")]),
                frozenset(mark["family"] for mark in chosen),
                tuple(ways),
            ),
            chosen,
            f"{title} by GPU",
        ),
    )  # fmt: skip


def table(answer: Answer, rows: list[Row]) -> Block:
    """Return all GPUs of the choice, with inputs and results side by side."""
    known = [row for row in rows if row["provider_count"] >= PROVIDERS_NEEDED]
    return Block(
        "all-values",
        f"{numbers.plural(len({row['gpu_id'] for row in known}), 'GPU')} have a printed peak and"
        f" {PROVIDERS_NEEDED} providers or more",
        "Peak: at the printed dense peak. Achieved: at the share of the peak beside it; low and"
        f" high are its interval. Prices of fewer than {PROVIDERS_NEEDED} providers are in the"
        " files only; chips without a row have no price or no printed peak.",
        answer=answer,
        table=Table(
            answer,
            [
                Column("gpu_id", "GPU", show=gpu_link),
                Column("precision", "precision, dense"),
                Column("purchase_model", "bought", show=words),
                Column("usd_per_gpu_hour", "median", "USD/GPU-h"),
                Column("peak", "peak", "USD/PFLOP-h"),
                Column("utilisation_fraction", "share of peak", "%", show=percentage),
                Column("effective", "achieved", "USD/PFLOP-h"),
                Column("low", "low", "USD/PFLOP-h"),
                Column("high", "high", "USD/PFLOP-h"),
                Column("memory", "memory", "USD/TB-h"),
                Column(
                    "bandwidth",
                    "bandwidth",
                    "USD/(TB/s)-h",
                    reason="no printed bandwidth",
                ),
                Column("provider_count", "providers"),
            ],
            key=("gpu_id", "precision", "purchase_model"),
            rows=known,
        ),
    )


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
                Column("ci_level", "level", "%", show=percentage),
                Column("years_to_double", "doubles in", "years", reason="it does not grow"),
                Column("gpu_count", "chips"),
                Column("r_squared", "R²"),
            ],
            key=("quantity", "precision"),
        ),
    )
